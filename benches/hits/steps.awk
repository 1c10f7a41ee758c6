# Tells which step of a hit each sample of perf belongs to.
#
# First file: what `addr2line -afiC` says of the program's addresses: an address, then function and place by turns, from the
# innermost inlined function to the outermost. Second file: what `perf script -F ip,sym,dso` says: for each sample the frames
# from the innermost, then an empty line. Variable: `ns` of a request.

function step_of_function(name) {
  if (name ~ /^_?rjem_|^je_|jemalloc|rallocx|sdallocx/) return "memory"
  if (name ~ /Instant.*::now|Timespec|clock_gettime|common::time::Time|clock::Clock/) return "clock"
  if (name ~ /tokio::time|runtime::time|TokioTimer|TokioSleep|Sleep|TimerEntry|Wheel|clear_entry/) return "timers"
  if (name ~ /shared_drop|static_drop|_drop$|drop_in_place|Drop>::drop/) return "drop"
  if (name ~ /is_good|Watched|::need|freshness|Lease|::verified/) return "validate"
  if (name ~ /RequestId|say_hit|ReadCache::say|cache_status|HeaderMap.*(Clone|clone|try_insert)|to_response|Vec<.*Clone.*clone|_clone$|Response<T>::new/) return "make the head"
  if (name ~ /hash_one|[sS]ip|Front::hash|front::|tiers::|cache::local|moka|atomic_add/) return "look up"
  if (name ~ /Asked|framing::|Api.*quick/) return "route and conditions"
  if (name ~ /httparse|role::.*parse|parse_headers|h1::io::.*parse|HeaderName|HdrName|StandardHeader|parse_hdr|scan_path|uri::|Uri|Method|try_append|Parts::new|split_to|te_is_trailers|BytesMut::reserve/) return "parse"
  if (name ~ /role::.*encode|encode_headers|write_headers|common::date|h1::encode|extend_from_slice|put_slice|itoa|as_str/) return "write the head"
  if (name ~ /poll_write|poll_flush|buffer_body|WriteBuf|Explained.*write|TcpStream.*write|writev?$|send$/) return "write"
  if (name ~ /poll_read|read_head|TcpStream.*read|Explained.*read|readv?$|recv$|read_priv/) return "read"
  if (name ~ /hyper::|hyper_util|Graceful|marquee::http::server/) return "connection (hyper)"
  if (name ~ /tokio::|mio::|core::task|Waker|maintenance|epoll_wait/) return "runtime (tokio)"
  return ""
}

function step_of_symbol(name) {
  if (name ~ /mem(cpy|move|set|cmp)|bcmp/) return "copies"
  return step_of_function(name)
}

function step_of_call(name) {
  if (name ~ /sys_(recv|read)|sock_recvmsg|tcp_recvmsg|vfs_read/) return "read (kernel)"
  if (name ~ /sys_(send|write)|sock_sendmsg|tcp_sendmsg|do_writev|vfs_write/) return "write (kernel)"
  if (name ~ /sys_epoll|ep_poll|ep_send_events/) return "wait (kernel)"
  if (name ~ /sys_futex|sys_sched|futex_/) return "threads (kernel)"
  return ""
}

function note(step, name) {
  total++
  steps[step]++
  functions[step, name]++
}

function end_of_sample() {
  if (innermost == "") return
  if (kernel) note(call == "" ? "kernel, other" : call, innermost)
  else note(step == "" ? "other" : step, innermost)
  innermost = call = step = ""
  frames = kernel = 0
}

NR == FNR {
  if ($0 ~ /^0x[0-9a-f]+$/) {
    address = substr($0, 3)
    line = 0
    next
  }
  if (++line % 2 == 0) next
  if (line == 1) inner[address] = $0
  if (!(address in step_at)) {
    found = step_of_function($0)
    if (found != "") step_at[address] = found
  }
  next
}

/^[ \t]*$/ { end_of_sample(); next }

{
  frames++
  ip = $1
  name = $2
  if (frames == 1) {
    kernel = $NF ~ /kernel|\[guest|vmlinux/
    innermost = name
    if (!kernel && (ip in inner)) {
      innermost = inner[ip]
      step = step_at[ip]
    } else if (!kernel) {
      step = step_of_symbol(name)
    }
  }
  if (kernel && call == "") call = step_of_call(name)
}

END {
  end_of_sample()
  print "\n| step | ns | per cent |\n|---|--:|--:|"
  for (step in steps) printf "| %s | %.0f | %.1f |\n", step, ns * steps[step] / total, 100 * steps[step] / total | "sort -t'|' -k4,4nr"
  close("sort -t'|' -k4,4nr")
  print "\n| step | function | ns |\n|---|---|--:|"
  for (key in functions) {
    split(key, part, SUBSEP)
    if (functions[key] / total >= 0.003)
      printf "| %s | `%s` | %.0f |\n", part[1], part[2], ns * functions[key] / total | "sort -t'|' -k4,4nr"
  }
}
