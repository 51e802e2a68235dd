using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Tests.Runtime;

public sealed unsafe class CpuStateTests
{
    private const ulong AlwaysOne = 2;
    private const ulong Writable = 0x3f7fd7;

    [Theory]
    [InlineData(0ul)]
    [InlineData(0x1ul)]
    [InlineData(0x4ul)]
    [InlineData(0x10ul)]
    [InlineData(0x40ul)]
    [InlineData(0x80ul)]
    [InlineData(0x400ul)]
    [InlineData(0x800ul)]
    [InlineData(0x246ul)]
    [InlineData(0x200202ul)]
    [InlineData(0x3f7fd7ul)]
    public void Flags_written_are_the_flags_read(ulong flags)
    {
        CpuState cpu = default;
        cpu.WriteFlags(flags);
        Assert.Equal((flags & Writable) | AlwaysOne, cpu.ReadFlags());
    }

    [Fact]
    public void Every_combination_of_status_flags_survives_a_round_trip()
    {
        CpuState cpu = default;
        for (ulong flags = 0; flags < 0x1000; flags++)
        {
            cpu.WriteFlags(flags);
            Assert.Equal((flags & Writable) | AlwaysOne, cpu.ReadFlags());
        }
    }

    [Theory]
    [InlineData(0ul, true)]
    [InlineData(1ul, false)]
    [InlineData(3ul, true)]
    [InlineData(0xfful, true)]
    [InlineData(0x1feul, false)]
    public void Parity_counts_only_the_low_byte(ulong result, bool even)
    {
        CpuState cpu = default;
        cpu.FlagP = result;
        Assert.Equal(even, (cpu.ReadFlags() & 4) != 0);
    }

    [Fact]
    public void The_state_fits_its_declared_size_and_vectors_are_aligned_for_256_bit_access()
    {
        Assert.Equal(CpuState.Size, Unsafe.SizeOf<CpuState>());
        Assert.Equal(0, CpuState.VectorOffset % 32);
        Assert.True(CpuState.X87Offset >= CpuState.VectorOffset + (16 * 32));
        Assert.True(CpuState.X87Offset + Unsafe.SizeOf<X87State>() <= CpuState.Size);
    }
}
