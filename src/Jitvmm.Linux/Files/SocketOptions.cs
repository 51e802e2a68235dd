namespace Jitvmm.Linux.Files;

/// <summary>
/// Which socket options pass to the host. Refused: those whose argument holds addresses (the host would take
/// them for the VMM's), descriptors, or that configure the host.
/// </summary>
internal static class SocketOptions
{
    private const int LevelIp = 0;
    private const int LevelSocket = 1;
    private const int LevelTcp = 6;
    private const int LevelUdp = 17;
    private const int LevelIp6 = 41;
    private const int LevelNetlink = 270;

    public static bool MaySet(ViewOptions options, int level, int option) => level switch
    {
        // SO_ATTACH_FILTER (a pointer), SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_CBPF and _EBPF.
        LevelSocket => option is not (26 or 50 or 51 or 52),

        // TCP_ZEROCOPY_RECEIVE (addresses), TCP_REPAIR and its kin.
        LevelTcp => option is not (35 or 19 or 20 or 21 or 22 or 29),
        LevelUdp or LevelNetlink => true,
        LevelIp => option < 64 && (options.HasNetwork || !IsMembership(level, option)),
        LevelIp6 => option is not (64 or 65) && (options.HasNetwork || !IsMembership(level, option)),
        _ => false,
    };

    public static bool MayGet(int level, int option) => level switch
    {
        LevelSocket or LevelUdp or LevelNetlink or LevelIp6 => true,
        LevelTcp => option != 35,
        LevelIp => option < 64,
        _ => false,
    };

    /// <summary>Joining a group makes the host send messages: IP_ADD_MEMBERSHIP, MCAST_JOIN_GROUP, IPV6_JOIN_GROUP and their kin.</summary>
    private static bool IsMembership(int level, int option) => level == LevelIp
        ? option is 35 or 39 or 42 or 46
        : option is 20 or 27 or 42 or 46;
}
