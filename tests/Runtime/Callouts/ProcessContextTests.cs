using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>
/// Process-context identifiers and invalidation (SDM vol. 3A, 4.10; vol. 2A, INVPCID). What a test calls kept may be forgotten by the manual; here it is what the
/// contexts are for.
/// </summary>
public sealed unsafe class ProcessContextTests : IDisposable
{
    private const ulong Linear = 0x80_0000_0000;
    private const ulong NoFlush = 1ul << 63;
    private const ulong Spaces = 0x100000;
    private const ulong Old = 0x300000;
    private const ulong New = 0x301000;
    private const ulong Global = 0x100;

    private readonly TestMachine _machine = new();

    public ProcessContextTests()
    {
        _machine.EnterLongMode();
        for (int space = 0; space < 24; space++)
        {
            MakeSpace(space);
        }

        _machine.Write(Old, 0x01d);
        _machine.Write(New, 0x4e3);
        Load(0);
        ControlRegisters.Write(Cpu, 4, Cpu->System.Cr4 | Cr4.ProcessContext, 0);
    }

    private CpuState* Cpu => _machine.Cpu;

    [Fact]
    public void A_load_may_keep_what_its_identifier_had()
    {
        Map(1, Old);
        Load(1);
        Assert.Equal(0x01dul, ReadAsUser());
        Load(2);
        Map(1, New);
        Load(1, NoFlush);
        Assert.Equal(0x01dul, ReadAsUser());
        Load(2);
        Load(1);
        Assert.Equal(0x4e3ul, ReadAsUser());
    }

    [Fact]
    public void Reloading_the_current_identifier_flushes_unless_told_not_to()
    {
        Map(1, Old);
        Load(1);
        ReadAsUser();
        Map(1, New);
        Load(1, NoFlush);
        Assert.Equal(0x01dul, ReadAsUser());
        Load(1);
        Assert.Equal(0x4e3ul, ReadAsUser());
    }

    [Fact]
    public void Identifiers_do_not_see_each_others_pages()
    {
        for (int round = 0; round < 3; round++)
        {
            for (int space = 1; space < 24; space++)
            {
                ulong frame = 0x310000 + ((ulong)space << 12);
                Map(space, frame);
                _machine.Write(frame, (ulong)space);
                Load(space, NoFlush);
                Assert.Equal((ulong)space, ReadAsUser());
            }
        }
    }

    [Theory]
    [InlineData(0ul, 1ul, true)]
    [InlineData(0ul, 2ul, false)]
    [InlineData(1ul, 1ul, true)]
    [InlineData(1ul, 2ul, false)]
    [InlineData(2ul, 0ul, true)]
    [InlineData(3ul, 0ul, true)]
    public void INVPCID_reaches_other_identifiers(ulong type, ulong id, bool forgets)
    {
        Map(1, Old);
        Load(1);
        ReadAsUser();
        Load(3);
        Map(1, New);
        Invalidation.ProcessContext(Cpu, type, id, Linear, 0);
        Load(1, NoFlush);
        Assert.Equal(forgets ? 0x4e3ul : 0x01d, ReadAsUser());
    }

    [Theory]
    [InlineData(0ul, true)]
    [InlineData(1ul, false)]
    [InlineData(2ul, true)]
    [InlineData(3ul, false)]
    public void Global_pages_outlive_all_but(ulong type, bool forgets)
    {
        Map(1, Old | Global);
        Load(1);
        ReadAsSupervisor();
        Load(2);
        Load(1);
        Map(1, New | Global);
        Assert.Equal(0x01dul, ReadAsSupervisor());
        Invalidation.ProcessContext(Cpu, type, 1, Linear, 0);
        Assert.Equal(forgets ? 0x4e3ul : 0x01d, ReadAsSupervisor());
    }

    [Fact]
    public void INVLPG_forgets_global_pages_of_every_identifier()
    {
        Map(1, Old | Global);
        Map(2, Old | Global);
        Load(1);
        ReadAsUser();
        Load(2);
        ReadAsUser();
        Map(1, New | Global);
        Map(2, New | Global);
        Invalidation.Page(Cpu, Linear, 0);
        Assert.Equal(0x4e3ul, ReadAsUser());
        Load(1, NoFlush);
        Assert.Equal(0x4e3ul, ReadAsUser());
    }

    [Fact]
    public void Supervisor_pages_that_are_not_global_belong_to_their_identifier()
    {
        Map(1, Old);
        Map(2, New);
        Load(1);
        Assert.Equal(0x01dul, ReadAsSupervisor());
        Load(2, NoFlush);
        Assert.Equal(0x4e3ul, ReadAsSupervisor());
        Load(1, NoFlush);
        Assert.Equal(0x01dul, ReadAsSupervisor());
    }

    [Fact]
    public void Switching_identifiers_off_forgets_everything()
    {
        Map(0, Old);
        Load(0);
        ReadAsUser();
        Map(0, New);
        ControlRegisters.Write(Cpu, 4, Cpu->System.Cr4 & ~Cr4.ProcessContext, 0);
        Assert.Equal(0x4e3ul, ReadAsUser());
        TestMachine.RaisesProtection(() => Invalidation.ProcessContext(Cpu, 1, 1, 0, 0));
        TestMachine.RaisesProtection(() => ControlRegisters.Write(Cpu, 3, NoFlush | Spaces, 0));
    }

    public void Dispose() => _machine.Dispose();

    private static ulong Table(int space) => Spaces + ((ulong)space * 0x4000);

    private void MakeSpace(int space)
    {
        ulong table = Table(space);
        _machine.Write(table, (TestMachine.PageTables + 0x1000) | 7);
        _machine.Write(table + 8, (table + 0x1000) | 7);
        _machine.Write(table + 0x1000, (table + 0x2000) | 7);
        _machine.Write(table + 0x2000, (table + 0x3000) | 7);
    }

    private void Map(int space, ulong frame) => _machine.Write(Table(space) + 0x3000, frame | 7);

    private void Load(int space, ulong keep = 0) => ControlRegisters.Write(Cpu, 3, Table(space) | (uint)space | keep, 0);

    private ulong ReadAsSupervisor() => GuestAccess.Read(Cpu, Linear, 8);

    private ulong ReadAsUser()
    {
        Cpu->System.Cpl = 3;
        CpuMode.Changed(Cpu);
        ulong value = GuestAccess.Read(Cpu, Linear, 8);
        Cpu->System.Cpl = 0;
        CpuMode.Changed(Cpu);
        return value;
    }
}
