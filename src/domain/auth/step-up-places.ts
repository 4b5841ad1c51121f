import { operationOf } from './operations.ts'
import { permissionFor } from './permissions.ts'

/** Where whoever is asked for password or code goes on, and where back to if they would rather not. */
interface Places {
  /** The page that asked, or that the form stands on that did. */
  readonly next: string | undefined
  /** The page they came from, as their browser says it. */
  readonly from: string | undefined
}

/** Neither is a page that someone came from; each would ask again. */
const gates = ['/step-up', '/sign-in']

/** Where “Cancel” leads: a page that asks for nothing, as near as can be to where it was asked. */
export function placeToCancel({ next, from }: Places): string {
  for (const place of [from, next]) {
    if (place !== undefined && isOpen(pathOf(place))) return place
  }
  for (let path = pathOf(next ?? '/'); path !== ''; path = path.slice(0, path.lastIndexOf('/'))) {
    if (isOpen(path)) return path
  }
  return '/'
}

const pathOf = (place: string): string => place.split(/[?#]/)[0] ?? ''

/** Whether a page is there that asks for neither password nor code. */
function isOpen(path: string): boolean {
  const permission = permissionFor('GET', path)
  if (permission === undefined || permission.background || gates.includes(path)) return false
  return [permission.operation, permission.also].every(
    (operation) => operation === undefined || operationOf(operation).stepUp !== true,
  )
}
