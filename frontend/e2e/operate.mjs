/** Releases and recovery as an administrator works them: what is shown, what asks first, what happens then. */
import assert from "node:assert/strict";
import { CONSOLE, eventually, openPage } from "./browser.mjs";

/** A release with its parts and journal; the application is closed by its name and opened again. */
export async function releases(browser) {
  const { page, complaints } = await openPage(browser);
  await page.goto(`${CONSOLE}/releases/`);
  await page.getByTestId("releases").getByRole("button").first().click();
  await page.waitForURL(/op=\d+/);
  await page.getByTestId("changes").getByRole("rowheader", { name: "Configuration" }).waitFor();
  await page.getByTestId("journal").getByText("switch", { exact: true }).waitFor();

  // An act is done when it is answered: a chart that never comes again holds up no dialog.
  await page.route(/\/operations\/\d+\/traffic$/, () => {});
  await page.getByRole("button", { name: "Close for visitors…" }).click();
  const dialog = page.getByRole("dialog");
  const act = dialog.getByRole("button", { name: "Close for visitors" });
  assert.equal(await act.isDisabled(), true, "nothing is closed before its name is typed");
  await dialog.getByLabel(/^Type .* to confirm$/).fill("shop");
  await act.click();
  await page.locator("[data-state=stale]").filter({ hasText: "admin@localhost" }).waitFor();
  await page.getByRole("button", { name: "Open for visitors…" }).click();
  await dialog.getByRole("button", { name: "Open for visitors" }).click();
  await page.getByTestId("serving").getByText("open", { exact: true }).waitFor();

  await page.getByRole("button", { name: "Roll back…" }).click();
  await dialog.waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  await releasesOfConsole(page);
  assert.deepEqual(complaints, []);
}

/** The other unit is one key away, stands in the address, and the back button leads back. */
async function releasesOfConsole(page) {
  const serving = page.getByTestId("serving");
  const units = page.getByRole("group", { name: "What is released" });
  await units.getByRole("button", { name: "Application" }).focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\?unit=console$/);
  await serving.getByText("console serves").waitFor();
  assert.equal(await page.getByRole("button", { name: "Deploy…" }).count(), 0, "its checkout is not here");
  await page.reload();
  await serving.getByText("console serves").waitFor();
  await page.goBack();
  await page.waitForURL((address) => !address.searchParams.has("unit"));
  await serving.getByText("shop serves").waitFor();
}

/** A backup is taken and watched; a moment is picked with the keys, and its plan asks before anything. */
export async function recovery(browser) {
  const { page, complaints } = await openPage(browser);
  await page.goto(`${CONSOLE}/recovery/`);
  const backups = page.getByTestId("backups").locator("tbody tr");
  await backups.first().waitFor({ timeout: 60_000 });
  const before = await backups.count();
  const backUp = page.getByRole("button", { name: "Back up now…" });
  await eventually(() => backUp.isEnabled(), "nothing else is under way", 60_000);
  await backUp.click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Back up" }).click();
  await eventually(async () => (await backups.count()) > before, "the backup is listed", 60_000);
  await page.getByTestId("operations").getByText("asked by admin@localhost").first().waitFor();

  await rehearse(page);

  const timeline = page.getByRole("slider", { name: "Moment to restore to" });
  await timeline.focus();
  for (const key of ["ArrowLeft", "ArrowLeft", "ArrowRight", "Enter"]) await page.keyboard.press(key);
  await page.waitForURL(/to=\d{4}-/);
  await page.getByRole("combobox", { name: "Restore to" }).selectOption("latest");
  const plan = page.getByTestId("restore-plan");
  await plan.getByText("every database of the cluster").waitFor();
  await plan.getByRole("button", { name: "Restore…" }).click();
  const restore = dialog.getByRole("button", { name: "Restore" });
  assert.equal(await restore.isDisabled(), true, "nothing is restored before it is confirmed");
  await dialog.getByLabel("Type restore to confirm").fill("restore");
  assert.equal(await restore.isDisabled(), false);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  assert.deepEqual(
    complaints.filter((each) => !/\b(400|404)\b.*/.test(each)), // a moment before the first backup has no plan
    [],
  );
}

/** A drill asks which procedure it rehearses and says what that does; its time is the RTO from then on. */
async function rehearse(page) {
  const open = page.getByRole("button", { name: "Drill…" });
  await eventually(() => open.isEnabled(), "no drill is under way", 60_000);
  await open.click();
  const dialog = page.getByRole("dialog");
  assert.equal(await dialog.getByRole("radio").count(), 3);
  await dialog.getByRole("radio", { name: /^loss of the machine/ }).check();
  await dialog.getByText("it may send twice").waitFor();
  await dialog.getByRole("radio", { name: /^restore/ }).check();
  await dialog.getByRole("button", { name: "Begin the drill" }).click();
  await dialog.waitFor({ state: "hidden" });
  await page.getByTestId("running").getByText("Drill: restore").waitFor();
  assert.equal(await open.isDisabled(), true, "two drills would share one scratch folder");
  const done = page.getByTestId("operations").getByRole("listitem").filter({ hasText: "Drill: restore" });
  await done.getByText("PASSED").waitFor({ timeout: 90_000 });
  await page.getByTestId("objectives").getByText("RTO, measured").waitFor();
}
