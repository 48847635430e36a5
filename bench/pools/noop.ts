/** The work that is measured: none. For our threads and children, and for the peer. */
export default (payload: unknown): unknown => payload;
