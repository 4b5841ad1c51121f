// React is not installed. The example of docs/examples is checked and run with hono/jsx, which has React's hooks and
// component types under the same names; vitest.config.ts says the same to the test runner.
declare module 'react' {
  export { useEffect, useState } from 'hono/jsx'
}
declare module 'react/jsx-runtime' {
  export * from 'hono/jsx/jsx-runtime'
}
