/** Says "look again" about a topic; what changed is read from the tables, never carried in the message. */
export interface ProgressHub {
  /**
   * Yields after the topic changed, from this call on. Changes that come while the consumer is busy become one, so
   * nothing piles up; it also yields every two seconds, because a notification may be lost. Ends with the signal.
   */
  watch(topic: string, signal: AbortSignal): AsyncIterable<void>
}
