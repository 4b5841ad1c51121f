/** Whatever else answers in the place of the portal, a proxy or the welcome page of a network, names no request. */
export const isOurs = (headers) => headers.has('X-Request-Id')

/** What a person asked for came back without an answer; the next answer takes the sentence away. */
export function sayNoAnswer() {
  const notice = document.getElementById('no-answer-blueprint')?.content.cloneNode(true)
  if (notice === undefined || document.getElementById('no-answer') !== null) return
  document.getElementById('main').prepend(notice)
}

export const forgetNoAnswer = () => document.getElementById('no-answer')?.remove()
