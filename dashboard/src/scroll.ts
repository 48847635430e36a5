/**
 * Places in a long list → places on the screen. A browser cannot make an element as high as a million lines are, so the height ends
 * somewhere, and the scroll bar is spread over the list. Small steps still move by what they say; only a drag of the bar is scaled.
 */

/** Every browser can do that. */
const MAX_HEIGHT = 8_000_000;
/** Drawn beyond the edges, so that a step shows no gap. */
const BEYOND = 1;

export class Scroll {
  lineHeight = 32;
  length = 0;
  /** Of what is seen, in pixels. */
  view = 0;
  /** How far into the list one has scrolled, as if it had its full height. */
  offset = 0;
  #barAt = 0;

  /** Of the element that is scrolled. */
  get height(): number {
    return Math.min(this.length * this.lineHeight, MAX_HEIGHT);
  }

  get first(): number {
    return Math.max(0, Math.floor(this.offset / this.lineHeight) - BEYOND);
  }

  /** The last that is drawn. */
  get last(): number {
    return Math.min(this.length - 1, Math.ceil((this.offset + this.view) / this.lineHeight) - 1 + BEYOND);
  }

  /** Whole lines that fit. */
  get fits(): number {
    return Math.max(1, Math.floor(this.view / this.lineHeight));
  }

  /** Where a line is within the scrolled element. */
  topOf(index: number): number {
    return this.#barAt + index * this.lineHeight - this.offset;
  }

  /** The bar was moved. */
  moved(barAt: number): void {
    const by = barAt - this.#barAt;
    this.#barAt = barAt;
    if (this.#most === this.#mostBar) this.offset = barAt;
    else if (barAt <= 0) this.offset = 0;
    else if (barAt >= this.#mostBar - 1) this.offset = this.#most;
    else if (Math.abs(by) <= 2 * this.view) this.offset = clamp(this.offset + by, 0, this.#most);
    else this.offset = (barAt / this.#mostBar) * this.#most;
  }

  /** Goes to a place in the list. @returns where the bar must be put. */
  to(offset: number): number {
    this.offset = clamp(offset, 0, this.#most);
    this.#barAt = this.#most === 0 ? 0 : (this.offset / this.#most) * this.#mostBar;
    return this.#barAt;
  }

  /** The least move after which a line is wholly seen. */
  toShow(index: number): number {
    const top = index * this.lineHeight;
    if (top < this.offset) return this.to(top);
    if (top + this.lineHeight > this.offset + this.view) return this.to(top + this.lineHeight - this.view);
    return this.#barAt;
  }

  get #most(): number {
    return Math.max(0, this.length * this.lineHeight - this.view);
  }

  get #mostBar(): number {
    return Math.max(0, this.height - this.view);
  }
}

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));
