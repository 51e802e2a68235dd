using Jitvmm.Devices.Channels;
using Jitvmm.Devices.Chips;

namespace Jitvmm.Tests.Devices;

public sealed class AcpiPowerTests
{
    private readonly TestMachine _machine = new();
    private readonly AcpiPower _power;

    public AcpiPowerTests() => _power = new AcpiPower(_machine.Ports, _machine.Timers, _machine.Line(9), _machine);

    [Fact]
    public void Soft_off_ends_the_machine()
    {
        _machine.Ports.Write(AcpiPower.ControlPort, 2, 0x2001);
        Assert.Empty(_machine.Events);
        _machine.Ports.Write(AcpiPower.ControlPort, 2, 0x2001 | (AcpiPower.SoftOffType << 10));
        Assert.Equal(["off"], _machine.Events);
        Assert.Equal(1u, _machine.Ports.Read(AcpiPower.ControlPort, 2) & 0x2001);
    }

    [Fact]
    public void The_timer_runs_at_its_rate_and_reports_its_carry()
    {
        uint before = _machine.Ports.Read(AcpiPower.TimerPort, 4);
        _machine.Pass(1_000_000_000);
        Assert.InRange(_machine.Ports.Read(AcpiPower.TimerPort, 4) - before, 3_579_544u, 3_579_546u);
        _machine.Ports.Write(AcpiPower.EventPort + 2, 2, 1);
        _machine.Pass(2_500_000_000);
        Assert.True(_machine.Levels[9]);
        _machine.Ports.Write(AcpiPower.EventPort, 2, 1);
        Assert.False(_machine.Levels[9]);
    }

    [Fact]
    public void The_power_button_raises_the_system_control_interrupt()
    {
        _machine.Ports.Write(AcpiPower.EventPort + 2, 2, 0x100);
        _power.PressPowerButton();
        Assert.True(_machine.Levels[9]);
        Assert.Equal(0x100u, _machine.Ports.Read(AcpiPower.EventPort, 2) & 0x100);
        _machine.Ports.Write(AcpiPower.EventPort, 2, 0x100);
        Assert.False(_machine.Levels[9]);
    }

    [Fact]
    public void The_ways_to_reset_all_do()
    {
        _ = new ResetPorts(_machine.Ports, _machine);
        _machine.Out(0x64, 0xfe);
        _machine.Out(0x92, 3);
        _machine.Out(0xcf9, 2);
        _machine.Out(0xcf9, 6);
        Assert.Equal(["reset", "reset", "reset"], _machine.Events);
    }

    [Fact]
    public void The_keyboard_controller_tests_itself()
    {
        _ = new ResetPorts(_machine.Ports, _machine);
        Assert.Equal(0, _machine.In(0x64) & 1);
        _machine.Out(0x64, 0xaa);
        Assert.Equal(1, _machine.In(0x64) & 1);
        Assert.Equal(0x55, _machine.In(0x60));
        Assert.Equal(0, _machine.In(0x64) & 1);
    }

    [Fact]
    public void Debug_ports_print_and_exit()
    {
        var output = new ByteChannel();
        _ = new DebugPorts(_machine.Ports, _machine, output);
        Assert.Equal(0xe9, _machine.In(0xe9));
        _machine.Out(0xe9, 'x');
        Assert.Equal(1, output.Count);
        _machine.Ports.Write(0xf4, 4, 0x10);
        Assert.Equal(["exit 33"], _machine.Events);
    }
}
