/** What an administrator does to have the records of a person deleted. */
import assert from "node:assert/strict";
import { env } from "node:process";
import { CONSOLE, eventually, openPage } from "./browser.mjs";

/** A search that cannot be read is explained, a count comes first, and only what is typed deletes. */
export async function deletion(browser) {
  const { page, complaints } = await openPage(browser);
  const search = `user.id:${env.PERSON}`;
  const stored = async () => {
    const answer = await page.request.get(`${CONSOLE}/api/v1/telemetry/logs?limit=100&q=${search}`);
    return (await answer.json()).items.length;
  };
  await page.goto(`${CONSOLE}/monitoring/`);
  // The key is there for whom the page is: once it is known who somebody is, it is in the list.
  await page.getByRole("link", { name: "Deletion" }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await page.waitForURL("**/monitoring/deletion/");
  const ask = page.getByTestId("deletion-ask");
  const field = ask.getByRole("combobox", { name: "What to delete" });
  const count = ask.getByRole("button", { name: "Count what would go" });
  await count.click();
  await ask.getByRole("alert").filter({ hasText: "Say what to delete" }).waitFor();
  await field.fill('"never closed');
  await count.click();
  await ask.getByRole("alert").filter({ hasText: "hint" }).waitFor();
  assert.deepEqual(
    complaints.splice(0).filter((each) => !/\b400\b/.test(each)),
    [],
  );

  await field.fill("user.id:nobody");
  await field.press("Enter");
  await ask.getByText("Nothing fits").waitFor();
  await field.fill(search);
  await field.press("Escape");
  await count.click();
  const foreseen = page.getByTestId("foreseen");
  await foreseen.getByText("log lines").waitFor();
  await page.waitForURL((address) => address.searchParams.get("q") === search);
  assert.equal(await stored(), Number(env.LINES), "counting deletes nothing");

  await foreseen.getByRole("button", { name: "Delete…" }).click();
  const dialog = page.getByRole("dialog");
  const act = dialog.getByRole("button", { name: "Delete", exact: true });
  assert.equal(await act.isDisabled(), true, "what is not confirmed cannot be sent");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.waitFor({ state: "hidden" });
  assert.equal(await stored(), Number(env.LINES), "nothing is deleted without confirmation");
  await foreseen.getByRole("button", { name: "Delete…" }).click();
  await dialog.getByLabel("Type delete to confirm").fill("delete");
  await act.click();
  await dialog.waitFor({ state: "hidden" });
  const row = page.getByTestId("deletions").getByRole("row").filter({ hasText: search });
  await row.getByText("done").waitFor({ timeout: 60_000 });
  await row.getByText(`${env.LINES} log lines`).waitFor();
  await eventually(async () => (await stored()) === 0, "the lines are gone");
  assert.deepEqual(complaints, []);
}
