declare module 'fft.js' {
  /** A transform of one size, a power of two. Complex arrays hold real and imaginary parts in turn. */
  export default class FFT {
    constructor(size: number);
    createComplexArray(): number[];
    /** Fills the first half of `out`, up to half the rate. */
    realTransform(out: number[] | Float64Array, input: ArrayLike<number>): void;
  }
}

declare module 'music-tempo' {
  /** Throws texts, not errors, where it finds no beats. */
  export default class MusicTempo {
    constructor(
      samples: Float32Array | number[],
      options?: {
        bufferSize?: number;
        hopSize?: number;
        timeStep?: number;
        minBeatInterval?: number;
        maxBeatInterval?: number;
      },
    );
    /** Beats a minute. */
    readonly tempo: string | number;
    /** Seconds. */
    readonly beats: number[];
    readonly events: number[];
  }
}
