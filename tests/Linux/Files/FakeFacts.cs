using System.Buffers;
using Jitvmm.Linux.Files;

namespace Jitvmm.Tests.Linux.Files;

/// <summary>A process that exists only for its files.</summary>
internal sealed class FakeFacts : IProcessFacts
{
    public byte[] ExecutablePath => "/bin/true"u8.ToArray();

    public byte[] CommandName => "fake"u8.ToArray();

    public byte[] CommandLineOf(int processId) => "fake\0"u8.ToArray();

    public byte[] InitialEnvironment => "A=1\0"u8.ToArray();

    public byte[] AuxiliaryVector => new byte[16];

    public int[] ThreadIds => [Environment.ProcessId];

    public ulong MappedBytes => 1 << 20;

    public (ulong Blocked, ulong Ignored, ulong Caught) SignalSets => default;

    public void WriteMaps(IBufferWriter<byte> output, bool detailed) =>
        output.Write("00400000-00401000 r-xp 00000000 00:00 0 /bin/true\n"u8);

    public (ulong Soft, ulong Hard) ResourceLimit(int resource) => (ulong.MaxValue, ulong.MaxValue);

    public bool IsGuestProcess(int processId) => false;
}
