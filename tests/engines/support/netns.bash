# Machines that are network namespaces, joined by a bridge, without a trace in
# the network of the real machine.  A namespace lives as long as a process that
# holds it, which is a server of the folder DIR: server_end removes all.

# Skips the test where a namespace is not permitted.
needs_net() {
	needs ip
	needs nsenter
	unshare --net ip link add pchan0 type bridge 2>/dev/null || skip "network namespaces are not permitted"
}

# net_start DIR NAME...: starts machines, with the addresses 10.77.0.2,
# 10.77.0.3, ..., and the bridge between them, the machine `hub`, 10.77.0.1.
net_start() {
	local dir=$1 name hub number=2

	shift
	net_hold "$dir" hub
	hub=$(server_pid "$dir" net-hub)
	net_run "$dir" hub ip link add bridge0 type bridge
	net_run "$dir" hub ip address add 10.77.0.1/24 dev bridge0
	net_run "$dir" hub ip link set bridge0 up
	for name; do
		net_hold "$dir" "$name"
		net_run "$dir" "$name" ip link add eth0 type veth peer name "to-$name" netns "$hub"
		net_run "$dir" "$name" ip address add "10.77.0.$number/24" dev eth0
		net_run "$dir" "$name" ip link set eth0 up
		net_run "$dir" hub ip link set "to-$name" up master bridge0
		number=$((number + 1))
	done
}

# A machine has its own loopback.
net_hold() {
	server_run "$1" "net-$2" unshare --net sh -c 'ip link set lo up && echo up && exec sleep infinity'
	server_ready "$1" "net-$2" 20 grep up "$1/net-$2.log"
}

# net_run DIR NAME COMMAND...: runs a command on the machine.  Functions of ours
# are commands of ../server there.
net_run() {
	nsenter --target "$(server_pid "$1" "net-$2")" --net -- "${@:3}"
}

# net_cut DIR NAME: packets from and to the machine vanish, as if a switch
# on the way had lost its power: nobody is told.
net_cut() {
	net_run "$1" hub ip link set "to-$2" nomaster
}

net_join() {
	net_run "$1" hub ip link set "to-$2" master bridge0
}
