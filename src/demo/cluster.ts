import type { RequestListener } from 'node:http'

/** What the servers of a small cluster say of themselves: the master of Spark, and the NameNode of HDFS. */
export class Cluster {
  isDown = false
  #applications = 0
  #files = 0

  /** So many files lie in HDFS. */
  hold(files: number): void {
    this.#files = files
  }

  /** An application that Spark ran. */
  run(): void {
    this.#applications++
  }

  /** As the page `/json/` of a standalone master. */
  readonly master: RequestListener = ({ url = '' }, response) => {
    if (!url.startsWith('/json')) {
      response.writeHead(404).end()
      return
    }
    const alive = this.isDown ? 0 : 4
    const workers = Array.from({ length: 4 }, (_, at) => ({
      id: `worker-${at + 1}`,
      host: `node-${at + 1}`,
      cores: 4,
      coresused: 0,
      memory: 8_192,
      memoryused: 0,
      state: at < alive ? 'ALIVE' : 'DEAD',
    }))
    answerJson(response, {
      url: 'spark://127.0.0.1:7077',
      workers,
      aliveworkers: alive,
      cores: 4 * alive,
      coresused: 0,
      memory: 8_192 * alive,
      memoryused: 0,
      activeapps: [],
      completedapps: this.#applications,
      status: this.isDown ? 'STANDBY' : 'ALIVE',
    })
  }

  /** As `/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState`. */
  readonly nameNode: RequestListener = ({ url = '' }, response) => {
    if (!url.startsWith('/jmx')) {
      response.writeHead(404).end()
      return
    }
    answerJson(response, {
      beans: [
        {
          name: 'Hadoop:service=NameNode,name=FSNamesystemState',
          FSState: this.isDown ? 'safeMode' : 'Operational',
          NumLiveDataNodes: this.isDown ? 1 : 3,
          NumDeadDataNodes: this.isDown ? 2 : 0,
          FilesTotal: this.#files,
        },
      ],
    })
  }
}

function answerJson(response: Parameters<RequestListener>[1], body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
