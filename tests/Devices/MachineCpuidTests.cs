using Jitvmm.Devices.Processors;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Tests.Devices;

public sealed class MachineCpuidTests
{
    private static readonly MachineCpuid.Context s_one = new(0, 1, true, 0);

    [Fact]
    public void The_clock_is_stated()
    {
        Assert.Equal(0x16u, MachineCpuid.Query(0, 0, s_one).Eax);
        CpuidLeaf clock = MachineCpuid.Query(0x15, 0, s_one);
        Assert.Equal((1u, 1u, 1_000_000_000u), (clock.Eax, clock.Ebx, clock.Ecx));
    }

    [Fact]
    public void The_hypervisor_bit_is_not_set() => Assert.Equal(0u, MachineCpuid.Query(1, 0, s_one).Ecx >> 31);

    [Fact]
    public void Control_registers_show()
    {
        Assert.Equal(0u, MachineCpuid.Query(1, 0, s_one).Ecx & (1 << 27));
        Assert.NotEqual(0u, MachineCpuid.Query(1, 0, s_one with { Cr4 = 1 << 18 }).Ecx & (1 << 27));
        Assert.NotEqual(0u, MachineCpuid.Query(1, 0, s_one).Edx & (1 << 9));
        Assert.Equal(0u, MachineCpuid.Query(1, 0, s_one with { ApicEnabled = false }).Edx & (1 << 9));
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(4, 2)]
    [InlineData(6, 3)]
    public void Processors_are_cores_of_one_package(int count, uint shift)
    {
        var context = new MachineCpuid.Context(1, count, true, 0);
        CpuidLeaf core = MachineCpuid.Query(0xb, 1, context);
        Assert.Equal((shift, (uint)count, 0x201u, 1u), (core.Eax, core.Ebx, core.Ecx, core.Edx));
        Assert.Equal(1u, MachineCpuid.Query(0xb, 0, context).Ebx);
        Assert.Equal(0u, MachineCpuid.Query(0xb, 2, context).Ebx);
        Assert.Equal((1u << (int)shift) - 1, MachineCpuid.Query(4, 0, context).Eax >> 26);
        Assert.Equal(1u, MachineCpuid.Query(1, 0, context).Ebx >> 24);
    }
}
