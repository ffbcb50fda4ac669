// What went wrong, with what to do; and the question for a token where the server wants one.
import type { SaphenaError } from "@saphena/contracts";
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { rememberToken } from "./api.ts";

export function Problem({ error }: { error: SaphenaError }): VNode {
  if (error.code === "TOKEN_WRONG") return <TokenForm />;
  return (
    <p class="problem" role="alert">
      <strong>{error.code}</strong> {error.message}
      <br />
      <span class="hint">{error.hint}</span>
    </p>
  );
}

function TokenForm(): VNode {
  const [token, setToken] = useState("");
  return (
    <form
      class="problem"
      onSubmit={(event) => {
        event.preventDefault();
        rememberToken(token);
        location.reload();
      }}
    >
      <label>
        This server asks for its token (SAPHENA_TOKEN):{" "}
        <input type="password" value={token} onInput={(event) => setToken(event.currentTarget.value)} autocomplete="current-password" />
      </label>{" "}
      <button type="submit">Go on</button>
    </form>
  );
}

export function StateBadge({ state }: { state: string }): VNode {
  return <span class={`state state-${state}`}>{state}</span>;
}
