// How many datasets are ticked, said beside the button that runs them.
import { all } from './select.js'

for (const words of all('[data-chosen]')) {
  const form = document.getElementById(words.dataset.chosen)
  const elsewhere = Number(words.dataset.elsewhere)
  const count = () => {
    const ticked = all('input[type=checkbox][name=dataset]').filter((box) => box.form === form && box.checked)
    const chosen = ticked.length + elsewhere
    const apart = elsewhere === 0 ? '' : `, ${elsewhere} of them not on this page`
    words.textContent =
      chosen === 0 ? 'No dataset chosen' : `${chosen} ${chosen === 1 ? 'dataset' : 'datasets'} chosen${apart}`
  }
  words.hidden = false
  count()
  document.addEventListener('change', count)
  // Going back, a browser may bring back what was ticked.
  window.addEventListener('pageshow', count)
}
