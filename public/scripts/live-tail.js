import { all } from './select.js'

/** Puts rows that the region does not have yet on top; the oldest go, and the link to older ones follows. */
export const prepend = (region, text) => {
  const sheet = document.createElement('template')
  sheet.innerHTML = text
  const rows = all('tr[data-seq]', sheet.content)
  region.dataset.tail = Math.max(region.dataset.tail, ...rows.map((row) => row.dataset.seq))
  region.prepend(...rows.filter((row) => document.getElementById(row.id) === null))
  while (region.rows.length > region.dataset.most) region.lastElementChild.remove()
  const older = document.querySelector('a[data-older]')
  const last = all('tr[data-seq]', region).at(-1)
  if (older !== null && rows.length > 0 && region.rows.length >= region.dataset.most) {
    const address = new URL(older.href)
    address.searchParams.set('before', last.dataset.seq)
    older.setAttribute('href', address.pathname + address.search)
  }
}
