using System.Text;
using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Machines;

/// <summary>An initial root file system of busybox and a script, with kernel modules that it inserts first.</summary>
public static class GuestRoot
{
    /// <summary>Writes it to a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="script">What runs as the first process, in a shell that knows busybox's commands.</param>
    /// <param name="modules">Module files in the order of their insertion.</param>
    /// <param name="programs">Programs it finds beside busybox.</param>
    public static void Write(string path, string script, IReadOnlyList<string>? modules = null, IReadOnlyList<string>? programs = null)
    {
        var text = new StringBuilder("""
            #!/bin/busybox sh
            export PATH=/bin
            /bin/busybox --install -s /bin
            mount -t proc proc /proc
            mount -t sysfs sys /sys
            mount -t devtmpfs dev /dev

            """);
        Initramfs root = new Initramfs().AddFolder("bin").AddFolder("proc").AddFolder("sys").AddFolder("dev").AddFolder("mnt").AddFolder("modules");
        foreach (string module in modules ?? [])
        {
            string name = $"modules/{Path.GetFileName(module)}";
            root.AddProgram(name, File.ReadAllBytes(module));
            text.Append("insmod /").Append(name).Append('\n');
        }

        foreach (string program in programs ?? [])
        {
            root.AddProgram($"bin/{Path.GetFileName(program)}", File.ReadAllBytes(program));
        }

        text.Append(script);
        File.WriteAllBytes(path, root
            .AddProgram("bin/busybox", File.ReadAllBytes(ToolPath.Find("busybox")!))
            .AddProgram("init", Encoding.ASCII.GetBytes(text.ToString()))
            .ToArray());
    }
}
