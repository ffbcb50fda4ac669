// Curves of all runs over the epochs: one colour a trial, one line a fold. ECharts, only the parts that are used.
import type { Curve } from "@saphena/contracts";
import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import type { EChartsCoreOption, EChartsType } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";

use([LineChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

const MOST_TRIALS = 20;
const NONE: readonly Curve[] = [];
// Okabe and Ito's palette, which colour-blind readers can tell apart.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c8c00"];

/** What ECharts gives of one line at one epoch. */
interface TooltipPoint {
  marker: string;
  seriesIndex: number;
  value: [epoch: number, value: number];
}

/** Folds share the name of their trial in the legend; here they are told apart. All of it is numbers and ECharts' own markers. */
function tooltip(points: readonly TooltipPoint[], curves: readonly Curve[]): string {
  const lines = points.map(({ marker, seriesIndex, value }) => {
    const curve = curves[seriesIndex];
    return `${marker} trial ${curve?.trial}, fold ${curve?.fold}: <b>${value[1].toPrecision(4)}</b>`;
  });
  return [`epoch ${points[0]?.value[0]}`, ...lines].join("<br>");
}

export function chartOption(curves: readonly Curve[]): EChartsCoreOption {
  const trials = [...new Set(curves.map(({ trial }) => trial))].toSorted((a, b) => a - b).slice(-MOST_TRIALS);
  const shown = curves.filter(({ trial }) => trials.includes(trial));
  return {
    animation: false,
    color: COLOURS,
    tooltip: {
      trigger: "axis",
      order: "valueDesc",
      confine: true,
      formatter: (points: readonly TooltipPoint[]) => tooltip(points, shown),
    },
    legend: { type: "scroll", data: trials.map((trial) => `trial ${trial}`), top: 0 },
    grid: { left: 60, right: 20, top: 44, bottom: 46 },
    xAxis: {
      type: "value",
      name: "epoch",
      nameLocation: "middle",
      nameGap: 28,
      minInterval: 1,
      min: "dataMin",
      max: ({ max }: { max: number }) => Math.max(2, max),
    },
    yAxis: { type: "value", scale: true },
    series: shown.map(({ trial, epochs, values }) => ({
      type: "line",
      // Folds of a trial share the name, so the legend switches a whole trial.
      name: `trial ${trial}`,
      data: epochs.map((epoch, i) => [epoch, values[i]]),
      showSymbol: epochs.length < 30,
      symbolSize: 5,
      sampling: "lttb",
      lineStyle: { width: 1.5, opacity: 0.8 },
      itemStyle: { color: COLOURS[trials.indexOf(trial) % COLOURS.length] },
    })),
  };
}

/** `curves` null = not read yet: an empty chart that says nothing. */
export function CurveChart({ curves: known, label }: { curves: readonly Curve[] | null; label: string }): VNode {
  const curves = known ?? NONE;
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);
  useEffect(() => {
    chart.current = init(element.current);
    const resize = new ResizeObserver(() => chart.current?.resize());
    resize.observe(element.current!);
    return () => {
      resize.disconnect();
      chart.current?.dispose();
    };
  }, []);
  useEffect(() => chart.current?.setOption(chartOption(curves), { notMerge: true }), [curves]);
  const trials = new Set(curves.map(({ trial }) => trial)).size;
  return (
    <>
      <div ref={element} class="chart" role="img" aria-label={`${label} over epochs, ${curves.length} runs`} />
      {known?.length === 0 && <p class="facts">Nothing reported yet.</p>}
      {trials > MOST_TRIALS && (
        <p class="facts">
          The newest {MOST_TRIALS} of {trials} trials.
        </p>
      )}
    </>
  );
}
