-- Key names as packages/contracts/src/redis-keys.ts spells them; a test compares the two. KEYS[1] is the namespace in braces,
-- so whatever is built on it lies in the one cluster slot that KEYS[1] routes the script to.
local prefix = KEYS[1]
local key = {
  leader = prefix .. ":leader",
  sequence = prefix .. ":sequence",
  sweeps = prefix .. ":sweeps",
  activeSweeps = prefix .. ":sweeps:active",
  leases = prefix .. ":leases",
  parked = prefix .. ":parked",
  settling = prefix .. ":settling",
  workers = prefix .. ":workers",
  pools = prefix .. ":pools",
  outcomes = prefix .. ":outcomes",
  points = prefix .. ":points",
  wake = prefix .. ":wake",
  control = prefix .. ":control",
}
function key.sweep(sweep) return prefix .. ":sweep:" .. sweep end
function key.backlog(sweep) return prefix .. ":sweep:" .. sweep .. ":backlog" end
function key.openTrials(sweep) return prefix .. ":sweep:" .. sweep .. ":open" end
function key.trial(sweep, trial) return prefix .. ":trial:" .. sweep .. ":" .. trial end
function key.run(run) return prefix .. ":run:" .. run end
function key.dispatching(pool) return prefix .. ":pool:" .. pool .. ":dispatching" end
function key.waiting(pool) return prefix .. ":pool:" .. pool .. ":waiting" end
function key.worker(worker) return prefix .. ":worker:" .. worker end
