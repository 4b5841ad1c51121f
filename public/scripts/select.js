/** What a selector finds, as an array. */
export const all = (selector, root = document) => [...root.querySelectorAll(selector)]
