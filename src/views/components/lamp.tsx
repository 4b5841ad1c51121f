/**
 * Says whether the page follows by itself. Rendered as "not live" and lit by the script, so that without
 * script it never promises what does not happen.
 */
export const Lamp = () => (
  <span class="lamp" data-lamp data-state="off" role="status">
    Not live; reload for news
  </span>
)
