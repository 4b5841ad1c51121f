/** Why a process could not start: one sentence for the person at the keyboard, no stack. */
export class StartupProblem extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StartupProblem'
  }
}
