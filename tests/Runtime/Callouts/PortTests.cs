using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>SDM vol. 1, 19.5: I/O privilege level and permission bitmap.</summary>
public sealed unsafe class PortTests : IDisposable
{
    private readonly TestMachine _machine = new();

    [Fact]
    public void Kernel_needs_no_permission()
    {
        _machine.EnterLongMode();
        Ports.Write(_machine.Cpu, 0x3f8, 1, 'x');
        Assert.Equal((0x3f8, 1, (uint)'x'), _machine.PortWrites[0]);
        Assert.Equal(0x71u, Ports.Read(_machine.Cpu, 0x71, 1));
    }

    [Theory]
    [InlineData(0x80u, 1, true)]
    [InlineData(0x80u, 2, true)]
    [InlineData(0x80u, 4, false)]
    [InlineData(0x7fu, 1, false)]
    [InlineData(0x7fu, 2, false)]
    [InlineData(0xffffu, 1, false)]
    public void Bitmap_decides_for_user_code(uint port, int bytes, bool isAllowed)
    {
        // Ports 80h and 81h are open.
        _machine.EnterLongMode().EnterUser().Write(TestMachine.Task + 0x68 + 0x10, 0xfc, 1);
        Check(port, bytes, isAllowed);
    }

    [Fact]
    public void Privilege_level_opens_all()
    {
        _machine.EnterLongMode().EnterUser();
        Check(0x60, 1, false);
        _machine.Cpu->FlagsSystem |= SystemFlags.PrivilegeLevel;
        Check(0x60, 1, true);
    }

    [Fact]
    public void Bitmap_beyond_the_limit_is_closed()
    {
        _machine.EnterLongMode().EnterUser().Write(TestMachine.Task + 0x66, 0x2060, 2);
        _machine.Write(TestMachine.Task + 0x2060, 0);
        Check(0x38, 1, false);
        Check(0x30, 1, true);
    }

    [Fact]
    public void Strings_step_and_stop_at_faults()
    {
        _machine.EnterLongMode();
        _machine.Cpu->Gpr[1] = 3;
        _machine.Cpu->Gpr[2] = 0x1f0;
        _machine.Cpu->Gpr[7] = 0x3f_fffc;
        CpuException fault = TestMachine.Raises(() => Ports.InString(_machine.Cpu, 0, 2 | Ports.Repeated));
        Assert.Equal((ExceptionVector.PageFault, 0x400000ul), (fault.Vector, fault.Address));
        Assert.Equal((1ul, 0x400000ul), (_machine.Cpu->Gpr[1], _machine.Cpu->Gpr[7]));
        Assert.Equal(0x01f0_01f0ul, _machine.Read(0x3f_fffc, 4));
    }

    [Fact]
    public void Out_string_reads_downward_when_asked()
    {
        _machine.EnterLongMode().Write(0x50000, 0x11223344, 4);
        _machine.Cpu->Gpr[1] = 4;
        _machine.Cpu->Gpr[2] = 0xe9;
        _machine.Cpu->Gpr[6] = 0x50003;
        _machine.Cpu->FlagD = 1;
        Assert.Equal(1, Ports.OutString(_machine.Cpu, 0, 1 | Ports.Repeated));
        Assert.Equal([0x11, 0x22, 0x33, 0x44], _machine.PortWrites.ConvertAll(write => write.Value));
        Assert.Equal(0x4ffffu, (uint)_machine.Cpu->Gpr[6]);
    }

    public void Dispose() => _machine.Dispose();

    private void Check(uint port, int bytes, bool isAllowed)
    {
        if (isAllowed)
        {
            Ports.Read(_machine.Cpu, port, bytes);
        }
        else
        {
            TestMachine.RaisesProtection(() => Ports.Read(_machine.Cpu, port, bytes));
        }
    }
}
