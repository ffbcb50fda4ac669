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
// Okabe and Ito's palette, which colour-blind readers can tell apart.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c8c00"];

export function chartOption(curves: readonly Curve[], label: string): EChartsCoreOption {
  const trials = [...new Set(curves.map(({ trial }) => trial))].toSorted((a, b) => a - b).slice(-MOST_TRIALS);
  const shown = curves.filter(({ trial }) => trials.includes(trial));
  return {
    animation: false,
    color: COLOURS,
    tooltip: {
      trigger: "axis",
      order: "valueDesc",
      confine: true,
      valueFormatter: (value: unknown) => (typeof value === "number" ? value.toPrecision(4) : "–"),
    },
    legend: { type: "scroll", data: trials.map((trial) => `trial ${trial}`), top: 0 },
    grid: { left: 60, right: 20, top: 40, bottom: 46 },
    xAxis: { type: "value", name: "epoch", nameLocation: "middle", nameGap: 28, minInterval: 1, min: "dataMin", max: "dataMax" },
    yAxis: { type: "value", name: label, scale: true, nameTextStyle: { align: "left" } },
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

export function CurveChart({ curves, label }: { curves: readonly Curve[]; label: string }): VNode {
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
  useEffect(() => chart.current?.setOption(chartOption(curves, label), { notMerge: true }), [curves, label]);
  const trials = new Set(curves.map(({ trial }) => trial)).size;
  return (
    <>
      <div ref={element} class="chart" role="img" aria-label={`${label} over epochs, ${curves.length} runs`} />
      {curves.length === 0 && <p class="facts">Nothing reported yet.</p>}
      {trials > MOST_TRIALS && (
        <p class="facts">
          The newest {MOST_TRIALS} of {trials} trials.
        </p>
      )}
    </>
  );
}
