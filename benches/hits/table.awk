# Reads lines of `round row ns/answer answers/s busy%`; prints a table, and the goals. Exit 1 where one is missed.

function median(list, n,    i, j, t) {
  for (i = 2; i <= n; i++)
    for (j = i; j > 1 && list[j - 1] > list[j]; j--) { t = list[j]; list[j] = list[j - 1]; list[j - 1] = t }
  low = list[1]
  high = list[n]
  return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

# The median of the ratios of two rows, round by round: what disturbs a round disturbs both.
function ratio(row, to,    r, n, list) {
  for (r = 1; r <= rounds; r++)
    if ((r, row) in ns && (r, to) in ns) list[++n] = ns[r, row] / ns[r, to]
  return n ? median(list, n) : 0
}

function column(of, row,    r, n, list) {
  for (r = 1; r <= rounds; r++)
    if ((r, row) in of) list[++n] = of[r, row]
  return median(list, n)
}

function goal(text, row, to, most,    found) {
  found = ratio(row, to)
  if (!found) return
  printf "| %s | %.2f | %.2f | %s |\n", text, most, found, found <= most ? "met" : "missed"
  if (found > most) missed = 1
}

{
  if (!(($2) in known)) { known[$2] = 1; rows[++count] = $2 }
  ns[$1, $2] = $3
  rate[$1, $2] = $4
  busy[$1, $2] = $5
  if ($1 > rounds) rounds = $1
}

END {
  print "\n| row | ns of CPU | lowest, highest | to the control | answers/s | core busy |"
  print "|---|--:|--:|--:|--:|--:|"
  for (i = 1; i <= count; i++) {
    row = rows[i]
    control = "bare"
    if (match(row, /-(1|304|br|browser|key|32)$/)) control = "bare" substr(row, RSTART)
    middle = column(ns, row)
    printf "| %s | %.0f | %.0f, %.0f | %.2f |", row, middle, low, high, ratio(row, control)
    printf " %.0f | %.0f %% |\n", column(rate, row), column(busy, row)
  }
  print "\n| goal | at most | found | |\n|---|--:|--:|---|"
  goal("a hit to bare hyper", "marquee", "bare", 1.15)
  goal("to nginx with a file", "marquee", "nginx-file", 1)
  goal("to nginx as a cache", "marquee", "nginx-cache", 0.7)
  goal("to Varnish", "marquee", "varnish", 0.45)
  goal("304 to bare hyper", "marquee-304", "bare-304", 1.15)
  goal("br to bare hyper", "marquee-br", "bare-br", 1.15)
  goal("a browser's request to bare hyper", "marquee-browser", "bare-browser", 1.15)
  goal("with a key to bare hyper", "marquee-key", "bare-key", 1.15)
  goal("32 targets to bare hyper", "marquee-32", "bare-32", 1.15)
  exit missed
}
