using Jitvmm.Devices.Firmware;
using Jitvmm.Devices.Loading;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Tests.Devices;

public sealed unsafe class BiosImageTests : IDisposable
{
    private readonly PhysicalMemory _memory = new();

    public BiosImageTests() => new MemoryMap(16 << 20).Populate(_memory);

    public void Dispose() => _memory.Dispose();

    [Theory]
    [InlineData(64)]
    [InlineData(256)]
    public void It_ends_at_4_GiB_and_its_end_is_below_1_MiB(int kilobytes)
    {
        byte[] image = new byte[kilobytes << 10];
        image[^1] = 0xaa;
        image[0] = 0xbb;
        Assert.True(BiosImage.Load(_memory, image).IsReset);
        Assert.Equal(0xbbul, _memory.ReadBus(0x1_0000_0000 - (ulong)image.Length, 1));
        Assert.Equal((0xaaul, 0xaaul), (_memory.ReadBus(0xffffffff, 1), _memory.ReadBus(0xfffff, 1)));
        _memory.WriteBus(0xffffffff, 1, 0);
        _memory.WriteBus(0xfffff, 1, 0);
        Assert.Equal((0xaaul, 0ul), (_memory.ReadBus(0xffffffff, 1), _memory.ReadBus(0xfffff, 1)));
        Assert.Equal(0xbbul, _memory.ReadBus(0x100000 - (ulong)image.Length, 1));
        _memory.WriteBus(0xd0000, 1, 0x77);
        Assert.Equal(0x77ul, _memory.ReadBus(0xd0000, 1));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    [InlineData((16 << 20) + 65536)]
    public void Other_sizes_are_refused(int bytes) => Assert.Throws<BootException>(() => BiosImage.Load(_memory, new byte[bytes]));

    [Fact]
    public void The_processor_starts_as_after_RESET()
    {
        CpuState state = default;
        BootEntry.ResetVector.Apply(&state);
        Assert.Equal((0xf000, 0xfff0ul, 0xffff0000ul), (state.Selectors[1], state.Rip, state.System.Bases[1]));
        Assert.Equal((0ul, 0ul), (state.System.MtrrDefault, state.System.Cr0 & Cr0.ProtectionEnable));
    }
}
