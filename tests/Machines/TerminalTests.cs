namespace Jitvmm.Tests.Machines;

/// <summary>The machine's consoles on a terminal, and the keys behind Ctrl-A.</summary>
[Trait("Program", "Guest")]
public sealed class TerminalTests
{
    private const string ControlA = "\u0001";

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    [GuestKernelTheory("cloud", "script")]
    [InlineData(33, 101)]
    public void The_keys_behind_control_A_and_the_windows_size_reach_the_machine(int rows, int columns)
    {
        using var folder = new ScratchFolder();
        GuestRoot.Write(folder["initrd"], """
            stty -echo
            echo "console speaks" > /dev/hvc0
            usleep 100000
            stty size < /dev/hvc0 | sed 's/^/window: /'
            while read line; do echo "got: $(printf '%s' "$line" | od -An -tx1)"; done

            """, GuestKernel.Cloud.ModulesFor("virtio_pci", "virtio_console"));
        using MachineProcess machine = MachineProcess.InTerminal(
            rows, columns, "--console", "--kernel", GuestKernel.Cloud.Image, "--initrd", folder["initrd"], "--append", "'console=ttyS0 quiet'");
        machine.WaitFor($"window: {rows} {columns}", s_limit);
        machine.Type($"{ControlA}h");
        machine.WaitFor("Ctrl-A x  end the machine", s_limit);

        // The key itself, twice, is sent once.
        machine.Type($"a{ControlA}{ControlA}b\r");
        machine.WaitFor("got:  61 01 62", s_limit);
        machine.Type($"{ControlA}x");
        machine.WaitForEnd(s_limit);
    }
}
