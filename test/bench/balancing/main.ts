/** `npm run bench -- balancing`: what the strategies make of one instance that is slow, and of one that fails every other request. */
import { parseArgs } from "node:util";
import type { LoadReport } from "@legation/local";
import { type Choice, type Stage, startStage } from "./stage.js";

const help = `npm run bench -- balancing [--instances 10] [--rate 150] [--seconds 40]

Starts Consul, a control plane, so many instances of a service, and a caller, each with its agent and Envoy. One instance is made ten
times slower than the others (200 ms beside 20 ms), then fails every other request instead. Each strategy is measured for that time
after it has settled. Ratios are to round robin in the same run.
`;

/** Answers of the healthy ones take this long; milliseconds. */
const usualMs = 20;

/** What settles first: nothing, ejections, or figures and the weights that follow from them, which change at most every 10 s. */
const choices: readonly (Choice & { readonly title: string; readonly settleSeconds: number })[] = [
  { title: "round_robin", strategy: "round_robin", ejection: false, settleSeconds: 5 },
  { title: "least_connections", strategy: "least_connections", ejection: false, settleSeconds: 5 },
  { title: "least_connections, ejection", strategy: "least_connections", ejection: true, settleSeconds: 20 },
  { title: "health_based", strategy: "health_based", ejection: false, settleSeconds: 40 },
  { title: "health_based, ejection", strategy: "health_based", ejection: true, settleSeconds: 20 },
];

const ailments = [
  { title: "1 of N ten times slower", sick: { delayMs: 10 * usualMs }, well: { delayMs: usualMs } },
  { title: "1 of N fails every other request", sick: { delayMs: usualMs, failing: 2 }, well: { delayMs: usualMs, failing: 0 } },
] as const;

/** Runs the bench and returns the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      instances: { type: "string", default: "10" },
      rate: { type: "string", default: "150" },
      seconds: { type: "string", default: "40" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const [instances, rate, seconds] = [Number(values.instances), Number(values.rate), Number(values.seconds)];
  const stage = await startStage(instances, 1);
  try {
    for (const instance of stage.orders) await stage.control(instance, { delayMs: usualMs });
    for (const { title, sick, well } of ailments) {
      await stage.control(stage.orders[0], sick);
      console.log(`\n${title.replace("N", String(instances))}, ${rate} requests/s for ${seconds} s each`);
      console.log(line(["strategy", "p50 ms", "p99 ms", "ratio", "errors %", "ratio", "answers by it %"]));
      let base: LoadReport | undefined;
      for (const choice of choices) {
        const report = await measured(stage, choice, rate, seconds);
        base ??= report;
        console.log(rowOf(choice.title, report, base));
      }
      await stage.control(stage.orders[0], well);
    }
    return 0;
  } finally {
    await stage.mesh.stop();
  }
}

async function measured(stage: Stage, choice: (typeof choices)[number], rate: number, seconds: number): Promise<LoadReport> {
  await stage.choose(choice);
  await stage.measure(rate * choice.settleSeconds, rate);
  return await stage.measure(rate * seconds, rate);
}

function rowOf(title: string, report: LoadReport, base: LoadReport): string {
  const errors = ({ failed, due }: LoadReport) => (100 * failed) / due;
  const sick = report.byInstance["orders-1"] ?? 0;
  const answers = Object.values(report.byInstance).reduce((sum, count) => sum + count, 0);
  return line([
    title,
    report.latency.p50.toFixed(1),
    report.latency.p99.toFixed(1),
    (report.latency.p99 / base.latency.p99).toFixed(2),
    errors(report).toFixed(2),
    base.failed > 0 ? (errors(report) / errors(base)).toFixed(3) : "-",
    ((100 * sick) / answers).toFixed(2),
  ]);
}

function line([title = "", ...cells]: readonly string[]): string {
  return title.padEnd(30) + cells.map((cell) => cell.padStart(16)).join("");
}
