using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Jitvmm.Tests.Machines;

/// <summary>Debian's cloud kernel, started by its PVH entry or as on any PC, with nothing but what a Xen host gives: console, disks and network by its own drivers, found in the store.</summary>
[Trait("Program", "Guest")]
public sealed class XenDeviceTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    [GuestKernelTheory("cloud")]
    [InlineData(1, true, "xen")]
    [InlineData(2, true, "xen")]
    [InlineData(2, false, "xen")]
    [InlineData(1, false, "xen,-callback-vector")]
    public async Task It_finds_its_devices_and_fetches_a_file_from_the_host(int processors, bool entersByNote, string hypervisor)
    {
        byte[] content = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(1, 50000).Select(number => $"{number}\n")));
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using var ending = new CancellationTokenSource(s_limit);
        Task serving = Serve(listener, content, ending.Token);
        string script = string.Create(CultureInfo.InvariantCulture, $"""
            until [ -e /sys/class/net/eth0 ] && [ -b /dev/xvda ] && [ -b /dev/xvdb ]; do sleep 0.1; done
            echo "devices: $(ls /sys/bus/xen/devices | sort | tr '\n' ' ')"
            echo "states: $(cat /sys/bus/xen/devices/v*/state 2>/dev/null | tr '\n' ' ')"
            echo "sizes: $(cat /sys/block/xvda/size /sys/block/xvdb/size /sys/block/xvdb/ro | tr '\n' ' ')"
            ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
            ping -c 2 10.0.2.2 && echo "the gateway answers"
            echo "digest: $(wget -q -O - http://10.0.2.2:{port}/file | sha256sum)"
            echo "read only: $(dd if=/dev/zero of=/dev/xvdb bs=4096 count=1 oflag=direct 2>&1 | tail -1)"
            echo "same: $(cmp /dev/xvda /dev/xvdb && echo yes)"
            seq 1 50000 | dd of=/dev/xvda bs=4096 conv=fsync 2>/dev/null
            echo 3 > /proc/sys/vm/drop_caches
            echo "written: $(head -c {content.Length} /dev/xvda | sha256sum)"
            echo "upcalls: $(grep -c -E '^HYP: *[1-9]|xen-platform-pci' /proc/interrupts)"
            echo "type a word"
            read word
            echo "read: $word"
            poweroff -f

            """);
        using var folder = new ScratchFolder();
        byte[] random = new byte[8 << 20];
        new Random(11).NextBytes(random);
        await File.WriteAllBytesAsync(folder["first"], random, ending.Token);
        await File.WriteAllBytesAsync(folder["second"], random, ending.Token);
        if (entersByNote)
        {
            KernelImage.ExtractElf(GuestKernel.Cloud.Image, folder["vmlinux"]);
        }

        GuestRoot.Write(folder["initrd"], script, GuestKernel.Cloud.ModulesFor("xen_blkfront", "xen_netfront"));
        using var machine = new MachineProcess(
            "--hypervisor", hypervisor, "--kernel", entersByNote ? folder["vmlinux"] : GuestKernel.Cloud.Image, "--initrd", folder["initrd"], "--append", "console=hvc0", "--serial", "none", "--console",
            "--xvd", folder["first"], "--xvd", $"{folder["second"]},readonly", "--net", "user,loopback,xen", "--cpus", $"{processors}");
        machine.WaitFor("type a word\n", s_limit);
        machine.Type("sesame\n");
        machine.WaitForEnd(s_limit);
        await serving;
        foreach (string text in (string[])["Hypervisor detected: Xen HVM\n", "devices: vbd-51712 vbd-51728 vif-0 ", "sizes: 16384 16384 1 \n", "the gateway answers\n", $"digest: {Convert.ToHexStringLower(SHA256.HashData(content))}  -\n", $"written: {Convert.ToHexStringLower(SHA256.HashData(content))}  -\n", "upcalls: 1\n", "same: yes\n", "read: sesame\n", "reboot: Power down"])
        {
            Assert.True(machine.Console.Contains(text, StringComparison.Ordinal), $"no \"{text}\": {machine.Report}");
        }

        Assert.False(machine.Console.Contains("Call Trace:", StringComparison.Ordinal), machine.Report);
        Assert.Equal(random, await File.ReadAllBytesAsync(folder["second"], CancellationToken.None));
        Assert.Equal(content, (await File.ReadAllBytesAsync(folder["first"], CancellationToken.None))[..content.Length]);
    }

    /// <summary>Answers one request.</summary>
    private static async Task Serve(TcpListener listener, byte[] content, CancellationToken ending)
    {
        using TcpClient client = await listener.AcceptTcpClientAsync(ending);
        NetworkStream stream = client.GetStream();
        var request = new StringBuilder();
        byte[] bytes = new byte[1024];
        while (!request.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
        {
            int count = await stream.ReadAsync(bytes, ending);
            request.Append(Encoding.ASCII.GetString(bytes, 0, count));
        }

        string head = string.Create(CultureInfo.InvariantCulture, $"HTTP/1.0 200 OK\r\nContent-Length: {content.Length}\r\nConnection: close\r\n\r\n");
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head), ending);
        await stream.WriteAsync(content, ending);
    }
}
