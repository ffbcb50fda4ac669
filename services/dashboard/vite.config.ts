// Builds the dashboard into dist/, which the scheduler serves at the front door. All assets are our own: no outside host.
import { preact } from "@preact/preset-vite";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [preact()],
  resolve: { conditions: ["source", "module", "browser", "development|production"] },
  build: { outDir: "dist", emptyOutDir: true, chunkSizeWarningLimit: 900 },
  logLevel: "warn",
});
