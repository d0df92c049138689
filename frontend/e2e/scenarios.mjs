/** What a person does with the console, each as a function of a browser. They throw when it cannot be done. */
import assert from "node:assert/strict";
import { env } from "node:process";
import { audit } from "./audit.mjs";
import { CONSOLE, eventually, keepSession, openPage } from "./browser.mjs";
import { deletion } from "./deletion.mjs";
import { recovery, releases } from "./operate.mjs";

const PASSWORD = "purple ladder seven moon";
const PAST = "from=2026-01-01T00:00:00.000Z&to=2026-01-01T00:15:00.000Z";

const DURATIONS = "name=http.server.request.duration&agg=p95&by=http.route";

const requestsShown = async (page) => {
  const text = await page.getByTestId("tile-requests").locator("dd").innerText();
  return Number(text.split("\n")[0].replaceAll(",", ""));
};

/** The set-up link sets the password, leads to the overview, and the count of requests rises. */
async function firstLogIn(browser) {
  const { context, page, complaints } = await openPage(browser);
  await page.goto(env.SETUP_LINK);
  const submit = page.getByRole("button", { name: "Set password and log in" });
  await page.getByLabel("New password").fill("too short");
  assert.equal(await submit.isDisabled(), true, "a short password cannot be sent");
  await page.getByLabel("New password").fill(PASSWORD);
  await submit.click();
  await page.waitForURL(`${CONSOLE}/monitoring/`);
  const before = await eventually(() => requestsShown(page), "requests of the visitors are counted");
  const rises = async () => (await requestsShown(page)) > before;
  await eventually(rises, `the count of requests rises above ${before} without a reload`);
  await keepSession(context);

  await page.getByRole("button", { name: "Log out" }).click();
  await page.waitForURL(`${CONSOLE}/login/**`);
  await page.goto(`${CONSOLE}/monitoring/logs/?severity=warn`);
  await page.waitForURL("**/login/?next=**");
  assert.deepEqual(
    complaints.filter((each) => !/\b401\b/.test(each)),
    [],
  );
}

/** Back in with the password, to the very page that was asked for. */
async function secondLogIn(browser) {
  const { context, page } = await openPage(browser);
  await page.goto(`${CONSOLE}/monitoring/logs/?severity=warn`);
  await page.getByLabel("E-mail").fill("admin@localhost");
  await page.getByLabel("Password").fill("not the password at all");
  await page.getByRole("button", { name: "Log in" }).click();
  await page
    .getByRole("alert")
    .filter({ hasText: /password/i })
    .waitFor();
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL("**/monitoring/logs/?severity=warn");
  await page.getByTestId("logs").waitFor();
  await keepSession(context);
}

/** From a spike in the chart of errors to the trace that failed, and the lines that say why. */
async function errorSpike(browser) {
  const { page, complaints } = await openPage(browser);
  await page.goto(`${CONSOLE}/monitoring/?range=5m`);
  const chart = page.getByTestId("chart-errors");
  const plot = chart.locator(".u-over");
  await eventually(async () => {
    const x = await highestPoint(page, chart, plot);
    if (x === null) return false;
    await plot.click({ position: { x, y: 20 } });
    return page.waitForURL("**/monitoring/trace/?**", { timeout: 5000 }).then(
      () => true,
      () => false,
    );
  }, "a click on the spike leads to a trace");
  await page.getByTestId("waterfall").waitFor({ timeout: 30_000 });
  await page.getByTestId("trace-summary").getByText("502", { exact: true }).first().waitFor();
  await page.getByTestId("waterfall").getByText("PaymentGatewayError").first().waitFor();
  const lines = page.getByTestId("trace-logs");
  await lines.getByText("payment failed").first().waitFor();
  await lines.getByText("request failed").first().click();
  const drawer = page.getByRole("dialog");
  await drawer.getByText("AcquirerTimeoutError").first().waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Older" }).click();
  await page.waitForURL("**id=*");
  await page.getByTestId("waterfall").waitFor();
  assert.deepEqual(complaints, []);
}

/** Where the line of errors is highest, found by pointing along it as a person does. */
async function highestPoint(page, chart, plot) {
  const box = await plot.boundingBox();
  if (box === null) return null;
  let best = { share: 0, x: null };
  for (let x = 2; x < box.width; x += 3) {
    await page.mouse.move(box.x + x, box.y + 20);
    const text = await chart.innerText();
    const share = Number(/errors\s*([\d.]+)%/.exec(text)?.[1] ?? 0);
    if (share > best.share) best = { share, x };
  }
  return best.x;
}

/** Every page, filled and empty, in both themes: nothing complains, and nobody stumbles. */
async function everyPage(browser) {
  const { width, theme } = { width: Number(env.WIDTH), theme: env.THEME };
  const { page, complaints } = await openPage(browser, { width, theme });
  const found = [];
  for (const [address, landmark] of await pages(page)) {
    await page.goto(CONSOLE + address);
    await page.locator(landmark).first().waitFor();
    await page.waitForLoadState("networkidle").catch(() => {}); // a live page never falls silent
    found.push(...(await audit(page)));
  }
  for (const [address, open] of OPENED) {
    await page.goto(CONSOLE + address);
    await open(page);
    await page.getByRole("dialog").waitFor();
    found.push(...(await audit(page)));
  }
  assert.deepEqual(found, []);
  assert.deepEqual(complaints, []);
}

async function pages(page) {
  const from = new Date(Date.now() - 600_000).toISOString();
  const answer = await page.request.get(
    `${CONSOLE}/api/v1/telemetry/traces?limit=1&status_min=500&from=${from}`,
  );
  const [failed] = (await answer.json()).items;
  const empty = "[data-state=empty]";
  return [
    ["/setup/?token=x", "form"],
    ["/login/", "form"],
    ["/monitoring/", "[data-testid=health] tbody tr"],
    [`/monitoring/?${PAST}`, empty],
    ["/monitoring/logs/", "[data-row]"],
    ["/monitoring/logs/?severity=warn&attr=site%3Dweb&q=GET", "[data-testid=logs]"],
    [`/monitoring/logs/?${PAST}`, empty],
    ["/monitoring/logs/?view=patterns", "[data-testid=patterns] ol button"],
    ["/monitoring/traces/", "[data-row]"],
    [`/monitoring/traces/?${PAST}&outcome=failed`, empty],
    ["/monitoring/traces/?view=flame", "[data-testid=flame]"],
    [`/monitoring/trace/?id=${failed.trace_id}`, "[data-testid=waterfall]"],
    [`/monitoring/trace/?id=${failed.trace_id}&view=flame`, "[data-testid=flame]"],
    [`/monitoring/trace/?${PAST}&outcome=failed`, empty],
    ["/monitoring/trace/", empty],
    ["/monitoring/exceptions/", "[data-row]"],
    [`/monitoring/exceptions/?${PAST}`, empty],
    ["/monitoring/metrics/", "[data-testid=metric-start] button"],
    [`/monitoring/metrics/?${DURATIONS}`, "[data-testid=metric] tbody tr"],
    [`/monitoring/metrics/?${PAST}`, `[data-testid=metric-start] ${empty}`],
    ["/monitoring/infrastructure/", "[data-testid=running] tbody tr"],
    [`/monitoring/infrastructure/?${PAST}`, empty],
    ["/monitoring/sql/", "[data-testid=sql]"],
    ["/monitoring/deletion/", "[data-testid=deletions]"],
    ["/releases/", "[data-testid=releases] button"],
    ["/releases/?op=1", "[data-testid=changes] tbody tr"],
    ["/releases/?unit=console", "[data-testid=serving] dd"],
    ["/recovery/", "[data-testid=backups] tbody tr"],
    ["/recovery/?to=latest", "[data-testid=restore-plan] dl"],
  ];
}

/** Beside the list there is nothing to open. */
const openFields = async (page) => {
  const narrow = page.getByRole("button", { name: "Fields" });
  if (await narrow.isVisible()) await narrow.click();
  else await page.getByRole("heading", { name: "Traces", exact: true }).press("?");
};
const firstRow = (page) => page.locator("[data-row]").first().click();
const OPENED = [
  ["/releases/", (page) => page.getByRole("button", { name: "Deploy…" }).click()],
  ["/recovery/", (page) => page.getByRole("button", { name: "Verify…" }).first().click()],
  ["/monitoring/logs/", firstRow],
  ["/monitoring/traces/?range=1h", openFields],
  ["/monitoring/logs/", (page) => page.getByRole("button", { name: "Choose start and end" }).click()],
  ["/monitoring/", (page) => page.getByRole("heading", { name: "Overview" }).press("?")],
  ["/monitoring/logs/", (page) => page.getByRole("button", { name: "Views" }).click()],
];

/** No pointer: from page to page, through a list, into a line and its trace, and back. */
async function keyboardOnly(browser) {
  const { page, complaints } = await openPage(browser);
  const press = (...keys) =>
    keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
  const focused = (attribute) =>
    page.evaluate((name) => document.activeElement?.getAttribute(name) ?? null, attribute);
  await page.goto(`${CONSOLE}/monitoring/`);
  await page.getByTestId("health").waitFor();
  await press("g", "l");
  await page.waitForURL("**/monitoring/logs/**");
  await page.locator("[data-row]").first().waitFor();
  await press("/");
  assert.equal(await focused("type"), "search");
  await page.keyboard.type("payment failed");
  await press("Enter", "Escape");
  await page.waitForURL(/q=payment\+failed/);
  await page.getByText("payment failed").nth(1).waitFor();

  await press("j", "j", "k", "ArrowDown");
  const row = await focused("data-row");
  assert.ok(row, "a row has the focus");
  await press("Enter");
  const drawer = page.getByRole("dialog");
  await drawer.waitFor();
  await press("k", "Escape");
  await drawer.waitFor({ state: "hidden" });
  const above = await focused("data-row");
  assert.ok(above && above !== row, "the focus is on the line that was shown last");
  await press("Enter");
  await drawer.getByRole("link", { name: "Open its trace" }).press("Enter");
  await page.waitForURL("**/monitoring/trace/**");
  await page.getByTestId("waterfall").waitFor();

  const waterfall = page.getByTestId("waterfall");
  const rows = waterfall.locator("[data-row]");
  // The line may be a second old: the spans of its trace are still coming in.
  await waterfall.getByRole("button", { name: "Fold POST /checkout", exact: true }).waitFor();
  await press("j", "ArrowLeft");
  await eventually(async () => (await rows.count()) === 1, "a folded root stands alone");
  await press("ArrowRight");
  await eventually(async () => (await rows.count()) > 1, "unfolded, its children are back");
  await press("j", "Enter");
  await page.getByTestId("span").waitFor();
  await press("Escape");
  await page.getByTestId("span").waitFor({ state: "hidden" });
  await press("g", "m");
  await page.waitForURL("**/monitoring/");

  const chart = page.getByTestId("chart-requests").getByRole("application");
  await chart.focus();
  await press("ArrowLeft", "ArrowLeft", "Enter");
  await drawer.getByRole("link", { name: "All traces" }).press("Enter");
  await page.waitForURL("**/monitoring/traces/?from=**");
  await page.locator("[data-row]").first().waitFor();
  assert.deepEqual(complaints, []);
}

/** New lines never move what somebody reads; they wait until asked for. */
async function steadyLogs(browser) {
  const { page } = await openPage(browser);
  await page.goto(`${CONSOLE}/monitoring/logs/`);
  const rows = page.locator("[data-row]");
  await rows.nth(60).waitFor();
  const first = await rows.first().getAttribute("data-row");
  await eventually(
    async () => (await rows.first().getAttribute("data-row")) !== first,
    "new lines come by themselves",
  );

  await rows.nth(50).scrollIntoViewIfNeeded();
  const read = page.locator(`[data-row="${await rows.nth(50).getAttribute("data-row")}"]`);
  const before = await read.boundingBox();
  const placeOf = async () => (await read.boundingBox()).y + (await page.evaluate(() => window.scrollY));
  const place = await placeOf();
  const waiting = page.getByRole("button", { name: /new$/ });
  await waiting.waitFor();
  assert.deepEqual(await read.boundingBox(), before, "the line that is read does not move");
  const count = await rows.count();
  await page.getByRole("button", { name: "Load older" }).click();
  await eventually(async () => (await rows.count()) > count, "older lines are there");
  assert.equal(await placeOf(), place, "older lines come below, not above");
  await waiting.click();
  await waiting.waitFor({ state: "hidden" });
  assert.equal(await page.evaluate(() => window.scrollY), 0);
}

/** Cut off from the platform, a page says so, keeps what it showed, and recovers by itself. */
async function cutOff(browser) {
  const { context, page } = await openPage(browser);
  await page.goto(`${CONSOLE}/monitoring/`);
  await eventually(() => requestsShown(page), "figures are shown");
  await context.setOffline(true);
  const stale = page.locator("[data-state=stale]").first();
  await stale.waitFor({ timeout: 40_000 });
  assert.ok((await requestsShown(page)) > 0, "the old figures stay");
  await context.setOffline(false);
  await stale.waitFor({ state: "hidden", timeout: 40_000 });

  await page.goto(`${CONSOLE}/monitoring/trace/?id=${"0".repeat(32)}`);
  await page.locator("[data-state=error]").waitFor();
  await page.getByRole("button", { name: "Try again" }).waitFor();
}

/** A search is typed with completion, narrowed by its fields, looked around in, and kept under a name. */
async function searchLogs(browser) {
  const { page, complaints } = await openPage(browser);
  await page.goto(`${CONSOLE}/monitoring/logs/?range=1h`);
  await page.getByTestId("logs").getByText("Live", { exact: true }).waitFor();
  const field = page.getByRole("combobox", { name: "Search the lines" });
  const options = page.getByRole("listbox", { name: "Suggestions" }).getByRole("option");
  await field.click();
  await page.keyboard.type("lev");
  await options.filter({ hasText: /^level/ }).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  await options.filter({ hasText: "error" }).waitFor();
  await page.keyboard.type("err");
  await options.filter({ hasText: "error" }).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=level%3Aerror/);
  assert.equal((await field.inputValue()).trim(), "level:error");

  const facets = page.getByTestId("facets");
  await facets.getByTitle("service:payments", { exact: true }).click();
  await page.waitForURL(/q=level%3Aerror\+service%3Apayments/);
  await page.getByTestId("logs").getByText("payments").first().waitFor();
  await page.locator("[data-row]").first().click();
  const around = page.getByRole("dialog").getByRole("list", { name: "Lines around it" });
  await around.locator("[aria-current=true]").waitFor();
  assert.ok((await around.getByRole("listitem").count()) > 1, "its neighbours are shown");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Patterns" }).click();
  await page.getByTestId("patterns").getByRole("button").first().waitFor();
  await page.getByRole("button", { name: "Lines", exact: true }).click();
  await page.locator("[data-row]").first().waitFor();

  await page.getByRole("button", { name: "Views" }).click();
  await page.getByLabel("Keep what this page shows now as").fill("Failing payments");
  await page.getByRole("button", { name: "Keep", exact: true }).click();
  const kept = page.getByRole("link", { name: /Failing payments/ });
  await kept.waitFor();
  await page.keyboard.press("Escape");
  for (let back = 0; back < 3; back += 1) await page.goBack();
  await page.waitForURL((address) => address.search.endsWith("q=level%3Aerror"));
  await page.getByRole("button", { name: "Views" }).click();
  await kept.click();
  await page.waitForURL(/q=level%3Aerror\+service%3Apayments/);
  assert.deepEqual(complaints, []);
}

/** Traces are narrowed by what their spans have, with the pointer, the keyboard, and on a telephone. */
async function traceFields(browser) {
  const { page, complaints } = await openPage(browser);
  const to = new Date();
  const hour = `from=${new Date(to - 3_600_000).toISOString()}&to=${to.toISOString()}`;
  await page.goto(`${CONSOLE}/monitoring/traces/?outcome=failed&${hour}`);
  const facets = page.getByTestId("facets");
  const rows = page.getByTestId("traces").locator("[data-row]");
  const value = (text, within = facets) => within.getByTitle(text, { exact: true });
  await rows.first().waitFor();
  const placeOf = async () => {
    const { x, y } = await page.getByTestId("traces").boundingBox();
    return { x, y };
  };
  const place = await placeOf();
  const failed = value("status:502");
  await failed.click();
  await page.waitForURL(/q=status%3A502/);
  const isSame = async () => (await failed.innerText()).split("\n").at(-1) === String(await rows.count());
  await eventually(isSame, "as many traces are left as the field counts");
  assert.deepEqual(await placeOf(), place, "the list does not jump");

  await failed.focus();
  await page.keyboard.press("Enter");
  await page.waitForURL((address) => !address.searchParams.has("q"));
  await facets.getByLabel("Leave out service:payments").click();
  await page.waitForURL(/q=-service%3Apayments/);
  await eventually(
    async () => (await value("service:payments").innerText()) === "payments",
    "it is left out",
  );
  await value("service:payments").press("Enter");
  await page.waitForURL(/q=service%3Apayments/);

  await page.setViewportSize({ width: 380, height: 800 });
  await facets.waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Fields" }).click();
  const drawer = page.getByRole("dialog");
  await value("service:payments", drawer).click();
  await page.waitForURL((address) => !address.searchParams.has("q"));
  await page.keyboard.press("Escape");
  await rows.first().waitFor();
  assert.deepEqual(complaints, []);
}

/** From an exception to its stack trace, from a metric to its lines, from a host to what runs on it, and SQL. */
async function otherPages(browser) {
  const { page, complaints } = await openPage(browser);
  await page.goto(`${CONSOLE}/monitoring/exceptions/`);
  await page.getByTestId("exceptions").getByText("AcquirerTimeoutError").first().click();
  await page.waitForURL("**group=*");
  await page.getByTestId("occurrences").getByText("Traceback").first().waitFor();

  await page.keyboard.press("g");
  await page.keyboard.press("x");
  await page.waitForURL("**/monitoring/metrics/");
  await page.getByRole("button", { name: /Slowest requests by route/ }).click();
  const lines = page.getByTestId("metric").locator("tbody tr");
  await lines
    .filter({ hasText: "/checkout" })
    .filter({ hasText: /\d(ms|s)/ })
    .waitFor();
  await page.getByLabel("Joined by").selectOption("p50");
  await page.waitForURL("**agg=p50**");
  await page.getByRole("checkbox", { name: "per second" }).click();
  await page.getByLabel("Joined by").selectOption("sum");
  await lines.filter({ hasText: "/checkout" }).filter({ hasText: "/s" }).waitFor();

  await page.goto(`${CONSOLE}/monitoring/infrastructure/`);
  await page
    .getByTestId("hosts")
    .getByText(/ of .*iB/)
    .first()
    .waitFor();
  await page
    .getByTestId("running")
    .getByRole("row", { name: /^web .*%.*iB/ })
    .waitFor();
  await page.getByRole("button", { name: "Processes" }).click();
  await page
    .getByTestId("running")
    .getByRole("row", { name: /^web\.blue/ })
    .waitFor();

  await page.goto(`${CONSOLE}/monitoring/sql/`);
  await page.getByRole("textbox", { name: "SQL" }).fill("SELECT number AS n FROM numbers(500)");
  await page.getByLabel("Most rows").selectOption("100");
  await page.getByRole("textbox", { name: "SQL" }).press("Control+Enter");
  const result = page.getByTestId("sql-result");
  await result.getByText("100 rows in").waitFor();
  await result.getByText("There are more rows").waitFor();
  assert.deepEqual(complaints, []);
}

/** A trace of ten thousand spans, a hundred deep: only what is in view is drawn, and all of it is reached. */
async function hugeTrace(browser) {
  const { page, complaints } = await openPage(browser);
  await page.goto(`${CONSOLE}/monitoring/trace/?id=${env.TRACE_ID}`);
  const rows = page.getByTestId("waterfall").locator("[data-row]");
  await rows.first().waitFor({ timeout: 60_000 });
  await page.getByTestId("trace-summary").getByText("10,000 spans").waitFor();
  await page.getByText("Incomplete").waitFor();
  const last = () => rows.last().getAttribute("data-row").then(Number);
  const view = page.getByTestId("spans");
  for (let step = 1; step <= 20; step += 1) {
    await view.evaluate((element, share) => element.scrollTo(0, element.scrollHeight * share), step / 20);
    await eventually(async () => (await last()) >= (9999 * (step - 1)) / 20, "rows follow the scrolling");
    assert.ok((await rows.count()) < 150, `${await rows.count()} rows are drawn`);
  }
  await eventually(async () => (await last()) === 9999, "the last row is drawn");

  await page.getByLabel("Find spans").fill("item-7777");
  await page.getByText("1 found").waitFor();
  await page.getByRole("button", { name: "Next found span" }).click();
  await page.getByTestId("span").getByText("item-7777").waitFor();
  await view.locator("[aria-pressed=true]").waitFor();
  await page.getByRole("button", { name: "Flame graph" }).click();
  await page.getByTestId("flame").getByRole("application").press("ArrowDown");
  await page.getByText(/in all \(/).waitFor();
  assert.deepEqual(complaints, []);
}

export const SCENARIOS = {
  searchLogs,
  traceFields,
  deletion,
  otherPages,
  hugeTrace,
  firstLogIn,
  secondLogIn,
  errorSpike,
  releases,
  recovery,
  everyPage,
  keyboardOnly,
  steadyLogs,
  cutOff,
};
