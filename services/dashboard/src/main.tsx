// The dashboard: reads the front door's API, nothing else.
import { render } from "preact";
import { App } from "./app.tsx";

render(<App />, document.getElementById("app")!);
