/** A source that cannot be read at all; the message is a sentence for people and never quotes the source. */
export class SourceRefused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SourceRefused'
  }
}
