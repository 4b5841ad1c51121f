/** What the measuring of checks needs to know of this machine. */
export interface RunnerSettings {
  /** Plugins run only from these folders. */
  readonly pluginFolders: readonly string[]
  /** Relative paths and globs begin here. */
  readonly baseFolder: string
  /** Where `systemctl`, `docker` and `podman` are looked for; without it in the usual folders. */
  readonly toolFolders?: readonly string[]
  /** Servers of names, as `127.0.0.1:53`, that are asked whether they answer; without it those of the system. */
  readonly nameServers?: readonly string[]
}
