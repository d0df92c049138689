/** Chromium with ears: what a page complains about is kept, whichever way it complains. */
import { existsSync } from "node:fs";
import { env, getuid } from "node:process";
import { chromium } from "playwright-core";

export const CONSOLE = env.CONSOLE ?? "";
const SESSION = env.SESSION_FILE ?? "";

export async function launch() {
  // Chromium's own sandbox refuses root.
  const args = getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: env.CHROMIUM, args });
}

/**
 * A page in a context of its own, logged in when somebody logged in before.
 * @param {import("playwright-core").Browser} browser
 * @param {{ width?: number, height?: number, theme?: "light" | "dark" }} [look]
 */
export async function openPage(browser, { width = 1440, height = 900, theme = "light" } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    ...(existsSync(SESSION) ? { storageState: SESSION } : {}),
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  return { context, page, complaints: listenTo(page) };
}

/** Errors of scripts and requests, and the console: Chromium tells breaches of the Content-Security-Policy there. */
function listenTo(page) {
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error.message}`));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${page.url()}: ${response.status()} ${response.url()}`);
  });
  return complaints;
}

export async function keepSession(context) {
  await context.storageState({ path: SESSION });
}

/** Looks again until `look` gives something true; what was seen last is told when it never does. */
export async function eventually(look, what, within_ms = 30_000) {
  const end = Date.now() + within_ms;
  let seen;
  while (Date.now() < end) {
    seen = await look();
    if (seen) return seen;
    await new Promise((resume) => setTimeout(resume, 200));
  }
  throw new Error(`not within ${within_ms} ms: ${what}; last seen: ${JSON.stringify(seen)}`);
}
