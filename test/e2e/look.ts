/** What a page looks like, as far as a program can tell: text that is cut off, lies over other text, or hangs out of the window. */
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Violations, one line each. @param covered what lies half beneath something else, and would count as too small to hit. */
export const violations = async (page: Page, covered?: string): Promise<string[]> => {
  // There are no frames of other origins: then one script in the page is enough, and takes half the time.
  const axe = new AxeBuilder({ page }).withTags(RULES).setLegacyMode();
  const { violations: found } = await (covered ? axe.exclude(covered) : axe).analyze();
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, any }) => `${id}: ${html.slice(0, 160)} ${any[0]?.message ?? ''}`),
  );
};

/** Texts that do not lie where people can read them, one line each. */
export const misplaced = (page: Page): Promise<string[]> => page.evaluate(inPage);

/** Runs within the page, on its own. */
const inPage = (): string[] => {
  const wrong: string[] = [];
  if (document.documentElement.scrollWidth > innerWidth)
    wrong.push(`the page is ${document.documentElement.scrollWidth} wide`);
  const texts: { text: string; element: Element; box: DOMRect }[] = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const element = node.parentElement!;
    const text = node.textContent!.trim();
    if (!text || element.closest('.unseen, noscript, option, textarea')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      const { x, y, width, height } = box;
      const top = document.elementFromPoint(x + width / 2, y + height / 2);
      // Hidden, scrolled away, or beneath something else: nobody sees it there.
      if (width < 1 || !top || !element.contains(top)) continue;
      texts.push({ text, element, box });
    }
  }
  for (const { text, element, box } of texts) {
    const style = getComputedStyle(element);
    const scrolls = element.closest('pre, dialog, .list, .states, .palette, .scrolls, .wide-table');
    const cut =
      style.overflow === 'hidden' && element.scrollWidth > element.clientWidth + 1 && style.textOverflow !== 'ellipsis';
    if (cut) wrong.push(`cut off: ${text.slice(0, 60)}`);
    if (!scrolls && (box.right > innerWidth + 1 || box.left < -1)) wrong.push(`outside: ${text.slice(0, 60)}`);
  }
  for (const [i, a] of texts.entries())
    for (const b of texts.slice(i + 1)) {
      if (a.element === b.element || a.element.contains(b.element) || b.element.contains(a.element)) continue;
      const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const down = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      // An ellipsis hides what lies beyond its element, though the rectangle of the text goes on.
      const ellipsis = [a, b].some(
        ({ element }) =>
          getComputedStyle(element).textOverflow === 'ellipsis' && element.scrollWidth > element.clientWidth,
      );
      if (across > 2 && down > 4 && !ellipsis)
        wrong.push(`over each other: ${a.text.slice(0, 40)} | ${b.text.slice(0, 40)}`);
    }
  return [...new Set(wrong)];
};
