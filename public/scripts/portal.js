// The browser's side of the portal: modules as they are, loaded after htmx. Every page works without them.
import './htmx-repairs.js'
import './polled-parts.js'
import './relative-times.js'
import './live-region.js'
import './uploads.js'
import './chosen-datasets.js'
import './menus.js'
import './keys.js'
import './dialogs.js'
import './copying.js'
import './forms.js'

document.documentElement.classList.add('has-script')
