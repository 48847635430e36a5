/** Which part of a file is wanted: the middle, where the music is, so that a long mix costs no more than a song. */
export interface Window {
  readonly maxSeconds: number;
  /** About how many samples a second; what is there is thinned out by a whole number. */
  readonly targetRate: number;
}

/** One channel of sound. */
export interface Sound {
  /** From -1 to 1. */
  readonly samples: Float32Array;
  /** Samples a second. */
  readonly rate: number;
  /** Where in the file it begins, in seconds. */
  readonly startsAt: number;
}
