using System.Buffers;

namespace Jitvmm.Linux.Files;

/// <summary>What /proc shows of the guest process, as the process knows it. Any thread may ask at any time.</summary>
public interface IProcessFacts
{
    /// <summary>Guest path of the running program.</summary>
    byte[] ExecutablePath { get; }

    /// <summary>Name of the process (PR_GET_NAME of its first thread), at most 15 bytes.</summary>
    byte[] CommandName { get; }

    /// <summary>The arguments of a process of the session as they are in its memory now, each with its zero byte.</summary>
    byte[] CommandLineOf(int processId);

    /// <summary>The environment strings where exec put them, as they are now.</summary>
    byte[] InitialEnvironment { get; }

    /// <summary>The auxiliary vector at exec, AT_NULL included.</summary>
    byte[] AuxiliaryVector { get; }

    /// <summary>The guest's threads, in ascending order.</summary>
    int[] ThreadIds { get; }

    /// <summary>Bytes of guest memory mapped.</summary>
    ulong MappedBytes { get; }

    /// <summary>Writes the lines of /proc/self/maps, or of smaps.</summary>
    void WriteMaps(IBufferWriter<byte> output, bool detailed);

    /// <summary>Soft and hard value of an RLIMIT_ number.</summary>
    (ulong Soft, ulong Hard) ResourceLimit(int resource);

    /// <summary>Signal sets for /proc/self/status: blocked, ignored, caught.</summary>
    (ulong Blocked, ulong Ignored, ulong Caught) SignalSets { get; }

    /// <summary>Whether a process id belongs to this guest session.</summary>
    bool IsGuestProcess(int processId);
}
