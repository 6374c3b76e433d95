/** What an alert is: when it fires, what that means, and what to do next. */

export interface Alert {
  /** In Prometheus' spelling; also the heading of its section in `docs/alerts.md`. */
  readonly name: `Pogo${string}`;
  /** PromQL. */
  readonly expr: string;
  /** For so long it has to be true, such as `5m`; left out: the expression looks back far enough by itself. */
  readonly for?: string;
  /** `critical`: users notice now. `warning`: they will, or some do. */
  readonly severity: "critical" | "warning";
  /** What is so, in a sentence; may name the labels of `expr` as a template of Prometheus does. */
  readonly means: string;
  /** The sentence to do next, for who was woken by it. */
  readonly next: string;
  /** What else helps, as Markdown: why it is so usually, and where to look when the first step was not enough. */
  readonly more: string;
}

export interface AlertGroup {
  readonly name: string;
  readonly title: string;
  readonly alerts: readonly Alert[];
}
