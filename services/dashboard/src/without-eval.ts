// zod tries whether it may compile its checks by `new Function`; the page's Content-Security-Policy forbids that, and the browser would
// complain on its console. Must be imported before any schema is made.
import { config } from "zod";

config({ jitless: true });
