export const handlers = { work: () => 1 };
