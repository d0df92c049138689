/** What a reader with a screen reader, with weak eyes or with a small screen would stumble over. */

const CONTROLS = new Set([
  ...["button", "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "spinbutton", "slider"],
  ...["application", "dialog", "img", "image", "region", "navigation", "table"],
]);

/** Controls and landmarks without an accessible name, as Chromium itself computes names. */
async function nameless(page) {
  const client = await page.context().newCDPSession(page);
  const { nodes } = await client.send("Accessibility.getFullAXTree");
  await client.detach();
  return nodes
    .filter((node) => !node.ignored && CONTROLS.has(node.role?.value) && !node.name?.value?.trim())
    .map((node) => `${node.role.value} without a name (node ${node.backendDOMNodeId})`);
}

/** Runs in the page: structure, references, contrast, and how wide it is. */
function inspect() {
  const found = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const isVisible = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  if (!document.documentElement.lang) found.push("the page has no language");
  if (!document.title) found.push("the page has no title");
  if (all("h1").filter(isVisible).length !== 1) found.push("the page has not exactly one h1");
  if (all("main").length !== 1) found.push("the page has not exactly one main");
  let level = 0;
  for (const heading of all("h1, h2, h3, h4").filter(isVisible)) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) found.push(`heading "${heading.textContent}" skips a level`);
    level = next;
  }
  const ids = all("[id]").map((element) => element.id);
  for (const id of new Set(ids.filter((each, at) => ids.indexOf(each) !== at))) found.push(`id ${id} twice`);
  for (const attribute of ["aria-labelledby", "aria-describedby", "aria-controls", "for"]) {
    for (const element of all(`[${attribute}]`)) {
      for (const id of element.getAttribute(attribute).split(/\s+/)) {
        if (!document.getElementById(id)) found.push(`${attribute} names ${id}, which is not there`);
      }
    }
  }
  for (const outer of all("button, a[href]")) {
    if (outer.querySelector("button, a[href], input, select"))
      found.push(`control within "${outer.textContent}"`);
  }

  const channels = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const over = ([r, g, b, a = 1], [R, G, B]) => [r, g, b].map((top, at) => top * a + [R, G, B][at] * (1 - a));
  const background = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement)
      layers.push(channels(getComputedStyle(at).backgroundColor));
    return layers.reduceRight((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((channel) => {
      const share = channel / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const text = texts.currentNode.textContent.trim();
    if (!text || !isVisible(element) || element.closest("script, style, :disabled, svg")) continue;
    const style = getComputedStyle(element);
    const behind = background(element);
    const lights = [luminance(over(channels(style.color), behind)), luminance(behind)].sort((a, b) => b - a);
    const ratio = (lights[0] + 0.05) / (lights[1] + 0.05);
    const size = Number.parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    // WCAG 2.2, 1.4.3
    if (ratio < (isLarge ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)} of "${text.slice(0, 40)}"`);
  }
  const excess = document.documentElement.scrollWidth - window.innerWidth;
  if (excess > 0) found.push(`the page scrolls sideways by ${excess} px`);
  return found;
}

export async function audit(page) {
  const found = [...(await page.evaluate(inspect)), ...(await nameless(page))];
  return [...new Set(found)].map((each) => `${page.url()}: ${each}`);
}
