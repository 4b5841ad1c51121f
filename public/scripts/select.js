/** What a selector finds, as an array. */
export const all = (selector, root = document) => [...root.querySelectorAll(selector)]

/** Whether an element takes up room, and nothing around it hides it. */
export const isShown = (element) => element.getClientRects().length > 0
