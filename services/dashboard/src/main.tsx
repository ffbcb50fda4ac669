// The dashboard: reads the front door's API, nothing else.
// oxlint-disable-next-line import/no-unassigned-import -- it acts, and before the others are loaded
import "./without-eval.ts";
import { render } from "preact";
import { App } from "./app.tsx";

render(<App />, document.getElementById("app")!);
