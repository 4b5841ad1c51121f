/** A key of a row table returned after its group had ended: the rows must be gathered before they are cut. */
export class ScatteredKeys extends Error {
  constructor() {
    super('a group key returned after its group had ended')
    this.name = 'ScatteredKeys'
  }
}
