using Jitvmm.Devices.Processors;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Paravirt.Kvm;

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
    public void Without_a_hypervisor_nothing_shows_one()
    {
        Assert.Equal(0u, MachineCpuid.Query(1, 0, s_one).Ecx >> 31);
        Assert.Equal(0x100u, MachineCpuid.Query(0x80000007, 0, s_one).Edx);
        for (uint leaf = 0x40000000; leaf < 0x40010000; leaf += 0x80)
        {
            Assert.Equal(default, MachineCpuid.Query(leaf, 0, s_one));
        }
    }

    [Theory]
    [InlineData(KvmFeatures.All, 0u)]
    [InlineData(KvmFeatures.All & ~(KvmFeatures.Clock | KvmFeatures.OldClock), 0x100u)]
    public void A_hypervisor_shows_its_leaves_and_its_clock_instead_of_the_counter(KvmFeatures features, uint invariant)
    {
        MachineCpuid.Context context = s_one with { Hypervisor = new KvmInterface(features) };
        Assert.Equal(1u, MachineCpuid.Query(1, 0, context).Ecx >> 31);
        Assert.Equal((uint)features, MachineCpuid.Query(0x40000001, 0, context).Eax);
        Assert.Equal(invariant, MachineCpuid.Query(0x80000007, 0, context).Edx);
    }

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
