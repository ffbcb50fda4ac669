// Two pages by hash: #/ lists the sweeps, #/sweeps/<id> shows one.
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { SweepPage } from "./sweep-page.tsx";
import { SweepsPage } from "./sweeps-page.tsx";

function useHash(): string {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = (): void => setHash(location.hash);
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return hash;
}

export function App(): VNode {
  const sweep = /^#\/sweeps\/(swp_[0-9a-z]{12})$/.exec(useHash())?.[1];
  return (
    <>
      <header>
        <a href="#/" class="brand">
          Saphena
        </a>
        <nav>
          <a href="#/">Sweeps</a>
          <a href="/api/v1/openapi.json">API</a>
        </nav>
      </header>
      <main>{sweep === undefined ? <SweepsPage /> : <SweepPage key={sweep} id={sweep} />}</main>
    </>
  );
}
