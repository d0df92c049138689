/**
 * Runs one scenario in Chromium: node e2e/run.mjs NAME
 *
 * From the environment: CHROMIUM (path), CONSOLE (address), SESSION_FILE (kept between scenarios), and what
 * the scenario itself asks for. Exits with 1, the reason and the text of the page on stderr when it fails.
 */
import { argv, exit, stderr } from "node:process";
import { launch } from "./browser.mjs";
import { SCENARIOS } from "./scenarios.mjs";

const run = SCENARIOS[argv[2]];
if (run === undefined) {
  stderr.write(`usage: node e2e/run.mjs ${Object.keys(SCENARIOS).join(" | ")}\n`);
  exit(2);
}
const browser = await launch();
try {
  await run(browser);
} catch (error) {
  stderr.write(`${error.stack}\n`);
  for (const context of browser.contexts()) {
    for (const page of context.pages())
      stderr.write(`page was: ${page.url()}\n${(await page.innerText("body")).slice(0, 1500)}\n`);
  }
  exit(1);
} finally {
  await browser.close();
}
