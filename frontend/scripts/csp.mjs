// Writes a Content-Security-Policy into every page of the static export: node csp.mjs <folder>
//
// A static export has inline scripts, and no server that could give each answer a nonce. So every
// page names the SHA-256 of its own inline scripts. `frame-ancestors` is not allowed in a meta
// element; the edge sends it as a header.

import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { argv, exit, stderr, stdout } from "node:process";
import { pathToFileURL } from "node:url";

const ATTRIBUTES = `((?:"[^"]*"|'[^']*'|[^'">])*)`;
const SCRIPT = new RegExp(`<script\\b${ATTRIBUTES}>([\\s\\S]*?)</script\\s*>`, "gi");
const STYLE = new RegExp(`<style\\b${ATTRIBUTES}>([\\s\\S]*?)</style\\s*>`, "gi");
const POLICY = new RegExp(
  `<meta\\b(?=${ATTRIBUTES}>)[^>]*http-equiv=["']?Content-Security-Policy["']?${ATTRIBUTES}>`,
  "gi",
);
const HEAD = new RegExp(`<head\\b${ATTRIBUTES}>(?:\\s*<meta\\b[^>]*\\bcharset=[^>]*>)?`, "i");
const HANDLER = /<[a-z][^<>]*\son[a-z]+\s*=/i;
// Blocks of data that a browser does not run.
const DATA = /\btype\s*=\s*["']?(?:application\/(?:ld\+)?json|text\/plain)\b/i;

function digest(text) {
  // The HTML parser turns CRLF and CR into LF before anything is hashed.
  const parsed = text.replace(/\r\n?/g, "\n");
  return `'sha256-${createHash("sha256").update(parsed, "utf8").digest("base64")}'`;
}

function hashes(html, element, isSkipped) {
  const found = [...html.matchAll(element)].filter(([, attributes]) => !isSkipped(attributes));
  return [...new Set(found.map(([, , content]) => digest(content)))].sort();
}

export function policyOf(html) {
  const scripts = hashes(html, SCRIPT, (has) => /\bsrc\s*=/i.test(has) || DATA.test(has));
  const styles = hashes(html, STYLE, () => false);
  return [
    "default-src 'none'",
    ["script-src 'self'", ...scripts].join(" "),
    ["style-src 'self'", ...styles].join(" "),
    "style-src-attr 'unsafe-inline'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
  ].join("; ");
}

/** The page with its policy before the first script; the same again for a page that has one. */
export function withPolicy(html, name = "page") {
  const bare = html.replace(POLICY, "");
  const head = HEAD.exec(bare);
  if (!head) {
    throw new Error(`${name}: there is no <head>`);
  }
  const markup = bare.replace(SCRIPT, "");
  if (HANDLER.test(markup)) {
    throw new Error(`${name}: an inline event handler (on…=) would be blocked by the policy`);
  }
  const at = head.index + head[0].length;
  if (/<script\b/i.test(bare.slice(0, at))) {
    throw new Error(`${name}: a script stands before <head>`);
  }
  const meta = `<meta http-equiv="Content-Security-Policy" content="${policyOf(bare)}"/>`;
  return bare.slice(0, at) + meta + bare.slice(at);
}

async function main(folder) {
  const names = (await readdir(folder, { recursive: true })).filter((n) => n.endsWith(".html"));
  if (names.length === 0) {
    throw new Error(`${folder}: there is no HTML file; was the console exported?`);
  }
  for (const name of names) {
    const path = join(folder, name);
    const html = await readFile(path, "utf8");
    await writeFile(`${path}.new`, withPolicy(html, name));
    await rename(`${path}.new`, path);
  }
  stdout.write(`csp: ${names.length} pages have a policy\n`);
}

if (argv[1] && import.meta.url === pathToFileURL(realpathSync(argv[1])).href) {
  if (argv.length !== 3) {
    stderr.write("usage: node csp.mjs <folder of the static export>\n");
    exit(2);
  }
  try {
    await main(argv[2]);
  } catch (error) {
    stderr.write(`error: ${error.message}\n`);
    exit(1);
  }
}
