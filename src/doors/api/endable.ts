/**
 * A generator whose `return` and `throw` end first what its `next` waits for. That of the language waits until `next` has
 * something, which of a live feed may be never.
 */
export const endable = <T>(inner: AsyncGenerator<T, void>, end: () => void): AsyncGenerator<T, void> => {
  const finish = () => {
    end();
    return inner.return();
  };
  return {
    next: () => inner.next(),
    return: finish,
    throw: (error: unknown) => {
      end();
      return inner.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: async () => void (await finish()),
  };
};
