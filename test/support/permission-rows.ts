import { askers, operationNames, operationOf } from '../../src/domain/auth/operations.ts'
import { commandOperations, permissions } from '../../src/domain/auth/permissions.ts'

const words = { none: '–', own: 'own', shared: 'own, shared', any: 'yes' } as const

/** The rows of docs/permissions.md: each operation, how far each asker gets, and where it is used. */
export function permissionRows(): string[][] {
  return operationNames.map((name) => {
    const { title, reach, right, stepUp } = operationOf(name)
    const doors = [
      ...Object.entries(permissions).flatMap(([route, { operation, also }]) =>
        operation === name || also === name ? [`\`${route}\``] : [],
      ),
      ...Object.entries(commandOperations).flatMap(([command, operation]) =>
        operation === name ? [`\`npm run ${command}\``] : [],
      ),
    ]
    return [
      `\`${name}\``,
      title,
      ...askers.map((asker) => words[reach[asker]]),
      right ?? '',
      stepUp === true ? 'yes' : '',
      doors.length === 0 ? 'jobs' : doors.join(', '),
    ]
  })
}
